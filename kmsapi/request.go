package kmsapi

// A Request is the parameters of one operation. Only the request types of this package implement it.
type Request interface {
	// Operation names the operation that takes these parameters.
	Operation() Operation
	// NewResponse returns an empty answer of the type that the operation gives.
	NewResponse() Response
	// visit passes every parameter to v, in the reference's order.
	visit(v visitor)
}

// A RequestFor is a [Request] whose answer is a *A. It ties both types together, so that a function that takes a
// request and returns its answer needs no conversion, and a wrong pair does not compile.
type RequestFor[A any] interface {
	Request
	answeredBy() *A
}

// answers is embedded in each request type, and names its answer: A, of which *A is a [Response].
type answers[A any] struct{}

// NewResponse returns an empty answer of the type that the operation gives.
func (answers[A]) NewResponse() Response { return any(new(A)).(Response) }

func (answers[A]) answeredBy() *A { return nil }
