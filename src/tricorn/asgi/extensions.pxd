cdef int EXPECT_START, HELD, BODY, TRAILERS, FILE

cpdef take_extension(response, str kind, dict message)
