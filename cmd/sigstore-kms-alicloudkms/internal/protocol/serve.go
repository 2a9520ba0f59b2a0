package protocol

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
)

// A Request says which key a method is about, and how the caller wants it done.
type Request struct {
	// Reference is the key as the user names it, without the scheme: what follows "://".
	Reference string
	// Version is the version of the key that the caller's program asks for, and mostly empty.
	Version string
	// Remote asks the KMS to verify.
	Remote bool
	// Hash is the hash function of the message.
	Hash crypto.Hash
	// Digest is the digest of the message, and empty if the message must be hashed.
	Digest []byte
}

// Keys serve the methods of the protocol. Public keys are SubjectPublicKeyInfos in PEM.
type Keys interface {
	// DefaultAlgorithm is the algorithm of a new key if the caller asks for no other.
	DefaultAlgorithm(Request) (string, error)
	// SupportedAlgorithms are all the algorithms of keys.
	SupportedAlgorithms() []string
	// CreateKey makes the key, or finds it, and returns its public key.
	CreateKey(_ context.Context, _ Request, algorithm string) ([]byte, error)
	// PublicKey returns the public key of the version.
	PublicKey(context.Context, Request) ([]byte, error)
	// SignMessage returns a signature of the message.
	SignMessage(_ context.Context, _ Request, message io.Reader) ([]byte, error)
	// VerifySignature returns nil if the signature is valid for the message.
	VerifySignature(_ context.Context, _ Request, message io.Reader, signature []byte) error
}

// response is what the process prints.
type response struct {
	ErrorMessage        string               `json:"errorMessage,omitempty"`
	DefaultAlgorithm    *defaultAlgorithm    `json:"defaultAlgorithm,omitempty"`
	SupportedAlgorithms *supportedAlgorithms `json:"supportedAlgorithms,omitempty"`
	CreateKey           *publicKey           `json:"createKey,omitempty"`
	PublicKey           *publicKey           `json:"publicKey,omitempty"`
	SignMessage         *signature           `json:"signMessage,omitempty"`
	VerifySignature     *struct{}            `json:"verifySignature,omitempty"`
}

type defaultAlgorithm struct {
	DefaultAlgorithm string `json:"defaultAlgorithm"`
}

type supportedAlgorithms struct {
	SupportedAlgorithms []string `json:"supportedAlgorithms"`
}

type publicKey struct {
	PublicKeyPEM []byte `json:"publicKeyPEM"`
}

type signature struct {
	Signature []byte `json:"signature"`
}

// Serve runs the method that args, the arguments of the process, ask for. It writes the answer to stdout, with an
// errorMessage that is safe to show on a terminal, and returns the exit status.
func Serve(args []string, stdin io.Reader, stdout, stderr io.Writer, keys Keys) int {
	answer, err := run(args, stdin, keys)
	status := 0
	if err != nil {
		answer, status = &response{ErrorMessage: printable.Text(err.Error())}, 1
	}
	if err := json.NewEncoder(stdout).Encode(answer); err != nil {
		fmt.Fprintln(stderr, "the answer can't be written:", err)
		return 1
	}
	return status
}

func run(args []string, stdin io.Reader, keys Keys) (*response, error) {
	a, err := parseArguments(args)
	if err != nil {
		return nil, err
	}
	m, known := methods[a.MethodName]
	switch {
	case !known:
		return nil, fmt.Errorf("the protocol %s has no method %.32q", Version, a.MethodName)
	case !m.given(a):
		return nil, fmt.Errorf("the arguments of %s are missing", a.MethodName)
	}
	ctx := context.Background()
	if deadline := m.deadline(a); deadline != nil {
		limited, cancel := context.WithDeadline(ctx, *deadline)
		defer cancel()
		ctx = limited
	}
	answer := new(response)
	return answer, m.run(ctx, a, stdin, keys, answer)
}

// A method is a method of the protocol.
type method struct {
	// given reports whether its arguments are there.
	given func(*arguments) bool
	// deadline is when the caller gives up, and nil if it does not say.
	deadline func(*arguments) *time.Time
	run      func(_ context.Context, _ *arguments, message io.Reader, _ Keys, _ *response) error
}

func noDeadline(*arguments) *time.Time { return nil }

// methods are all methods by their names. It is never changed.
var methods = map[string]method{
	"defaultAlgorithm": {
		given:    func(a *arguments) bool { return a.DefaultAlgorithm != nil },
		deadline: noDeadline,
		run: func(_ context.Context, a *arguments, _ io.Reader, keys Keys, answer *response) error {
			name, err := keys.DefaultAlgorithm(a.request(methodOptions{}))
			answer.DefaultAlgorithm = &defaultAlgorithm{name}
			return err
		},
	},
	"supportedAlgorithms": {
		given:    func(a *arguments) bool { return a.SupportedAlgorithms != nil },
		deadline: noDeadline,
		run: func(_ context.Context, _ *arguments, _ io.Reader, keys Keys, answer *response) error {
			answer.SupportedAlgorithms = &supportedAlgorithms{keys.SupportedAlgorithms()}
			return nil
		},
	},
	"createKey": {
		given:    func(a *arguments) bool { return a.CreateKey != nil },
		deadline: func(a *arguments) *time.Time { return a.CreateKey.CtxDeadline },
		run: func(ctx context.Context, a *arguments, _ io.Reader, keys Keys, answer *response) error {
			pem, err := keys.CreateKey(ctx, a.request(methodOptions{}), a.CreateKey.Algorithm)
			answer.CreateKey = &publicKey{pem}
			return err
		},
	},
	"publicKey": {
		given:    func(a *arguments) bool { return a.PublicKey != nil },
		deadline: func(a *arguments) *time.Time { return a.PublicKey.PublicKeyOptions.RPCOptions.CtxDeadline },
		run: func(ctx context.Context, a *arguments, _ io.Reader, keys Keys, answer *response) error {
			pem, err := keys.PublicKey(ctx, a.request(a.PublicKey.PublicKeyOptions))
			answer.PublicKey = &publicKey{pem}
			return err
		},
	},
	"signMessage": {
		given:    func(a *arguments) bool { return a.SignMessage != nil },
		deadline: func(a *arguments) *time.Time { return a.SignMessage.SignOptions.RPCOptions.CtxDeadline },
		run: func(ctx context.Context, a *arguments, message io.Reader, keys Keys, answer *response) error {
			made, err := keys.SignMessage(ctx, a.request(a.SignMessage.SignOptions), message)
			answer.SignMessage = &signature{made}
			return err
		},
	},
	"verifySignature": {
		given:    func(a *arguments) bool { return a.VerifySignature != nil },
		deadline: func(a *arguments) *time.Time { return a.VerifySignature.VerifyOptions.RPCOptions.CtxDeadline },
		run: func(ctx context.Context, a *arguments, message io.Reader, keys Keys, answer *response) error {
			answer.VerifySignature = &struct{}{}
			r := a.request(a.VerifySignature.VerifyOptions)
			return keys.VerifySignature(ctx, r, message, a.VerifySignature.Signature)
		},
	},
}
