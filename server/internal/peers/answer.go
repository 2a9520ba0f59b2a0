package peers

import (
	"encoding/binary"
	"errors"
	"net/http"
)

// Answer is the active node's answer to a [Request].
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Authenticated says that the request's signature was good.
	Authenticated bool
}

// maxAnswer bounds the message of an answer. The longest answers are pages of a list, some 100 KB.
const (
	maxAnswer     = 4 << 20
	maxAnswerBody = maxAnswer - headRoom
)

const authenticatedFlag = 1

// append appends a as a message: a byte of flags, the status, the header and the body.
func (a Answer) append(message []byte) []byte {
	var flags byte
	if a.Authenticated {
		flags = authenticatedFlag
	}
	message = binary.AppendUvarint(append(message, flags), uint64(a.Status))
	message = appendField(message, appendHeader(nil, a.Header))
	return append(message, a.Body...)
}

// The HTTP statuses that an answer may have. Informational ones are not final.
const minStatus, maxStatus = 200, 599

func parseAnswer(message []byte) (a Answer, err error) {
	if len(message) == 0 || message[0] > authenticatedFlag {
		return a, errMessage
	}
	all := fields{rest: string(message[1:min(len(message), 1+2*maxLength)])}
	before := len(all.rest)
	status, size := all.number(), all.number()
	rest := message[1+before-len(all.rest):]
	if all.err != nil || status < minStatus || status > maxStatus || size > uint64(len(rest)) {
		return a, errMessage
	}
	f := fields{rest: string(rest[:size])}
	header := f.header()
	if f.err != nil || f.rest != "" {
		return a, errMessage
	}
	return Answer{int(status), header, rest[size:], message[0] == authenticatedFlag}, nil
}

// errLongAnswer is returned to a handler that writes more than [maxAnswer].
var errLongAnswer = errors.New("the answer is too long to be forwarded")

// recorder is the [http.ResponseWriter] of a forwarded request. It keeps the answer until it is whole.
type recorder struct {
	// header is the handler's, and answer has a copy from when the answer began.
	header http.Header
	answer Answer
	err    error
}

func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter]. Informational answers are not forwarded.
func (r *recorder) WriteHeader(status int) {
	if r.answer.Status != 0 || status < minStatus {
		return
	}
	r.answer.Status, r.answer.Header = status, r.header.Clone()
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if len(r.answer.Body)+len(p) > maxAnswerBody {
		r.err = errLongAnswer
		return 0, r.err
	}
	r.answer.Body = append(r.answer.Body, p...)
	return len(p), nil
}
