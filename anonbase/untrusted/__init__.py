"""Readers of files from outside, whatever they hold. Nothing in a file is ever run.

The threat: a file of weights is sent by somebody who wants to run code here, to read other files,
or to take the machine down. ``pickles`` interprets a pickle without importing or calling anything,
``arrays`` rebuilds NumPy arrays, ``torch_files`` and ``hdf5`` read their containers. Each size is
compared with the bytes that are there before memory is taken. ``guard`` turns every failure into
one ``WeightsError`` that names the file.
"""
