"""The ground floor that all packages share: errors, command line, files, untrusted input."""
