cimport cython

from tricorn.net.service cimport Service

cdef str _HTTP

@cython.locals(host=str)
cpdef peer_address(name)
cpdef local_address(name)

cdef class ConnectionScope:
    cdef public Service service
    cdef public object client, server, forward, tls
    cdef public str scheme
    cdef _take(self, proxied)
    @cython.locals(service=Service, scope=dict)
    cpdef dict of_line(self, str version, str method, bytes raw_path, str path, bytes query)
    cpdef complete(self, dict scope, list fields, dict extensions, bint forwarded)
