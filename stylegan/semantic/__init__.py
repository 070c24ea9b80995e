"""Networks that draw a face from a label map of its parts, its surroundings and an identity.

The idea is that of SDGAN and CIAGAN: pose, expression and layout come from the map, hair and
background are shown as pixels, and who it is comes from a vector. Everything here is a function of
named parameters (``stylegan.networks.parameters``), on any Keras backend, and knows neither
landmarks nor recognizers.
"""
