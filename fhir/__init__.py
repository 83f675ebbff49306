"""A FHIR R4 server as a Django app.

The library ``fhir.resources`` has the same import root, ``fhir``. Extending the path lets the library's
``resources`` package live beside our modules; never create a ``resources`` module here.
"""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
