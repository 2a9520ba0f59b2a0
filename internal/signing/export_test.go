package signing

// ReadVector is for tests that link SM3, which must be outside of the package.
var ReadVector = readVector
