package protocol

import (
	"cmp"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version is the version of the protocol.
const Version = "v1"

// arguments are the second argument of the process. Bytes are in base64, times in RFC 3339, and a hash function is its
// number in Go's package crypto: 5 is SHA-256.
type arguments struct {
	InitOptions *initOptions `json:"initOptions"`
	MethodName  string       `json:"methodName"`
	// One of these is set, that of the method.
	DefaultAlgorithm    *struct{}            `json:"defaultAlgorithm"`
	SupportedAlgorithms *struct{}            `json:"supportedAlgorithms"`
	CreateKey           *createKeyArgs       `json:"createKey"`
	PublicKey           *publicKeyArgs       `json:"publicKey"`
	SignMessage         *signMessageArgs     `json:"signMessage"`
	VerifySignature     *verifySignatureArgs `json:"verifySignature"`
}

// initOptions are from when the caller opened the key. Their deadlines are not those of the method, and are ignored.
type initOptions struct {
	ProtocolVersion string `json:"protocolVersion"`
	// KeyResourceID is what follows the scheme and "://" in the name of the key.
	KeyResourceID string      `json:"keyResourceID"`
	HashFunc      crypto.Hash `json:"hashFunc"`
	RPCOptions    rpcOptions  `json:"rpcOptions"`
}

type createKeyArgs struct {
	CtxDeadline *time.Time `json:"ctxDeadline"`
	Algorithm   string     `json:"algorithm"`
}

type publicKeyArgs struct {
	PublicKeyOptions methodOptions `json:"publicKeyOptions"`
}

type signMessageArgs struct {
	SignOptions methodOptions `json:"signOptions"`
}

type verifySignatureArgs struct {
	Signature     []byte        `json:"signature"`
	VerifyOptions methodOptions `json:"verifyOptions"`
}

// methodOptions are the options of a method. Only messages have MessageOptions.
type methodOptions struct {
	RPCOptions     rpcOptions     `json:"rpcOptions"`
	MessageOptions messageOptions `json:"messageOptions"`
}

type rpcOptions struct {
	CtxDeadline        *time.Time `json:"ctxDeadline"`
	KeyVersion         string     `json:"keyVersion"`
	RemoteVerification bool       `json:"remoteVerification"`
}

type messageOptions struct {
	// Digest is the digest of the message, which is then not read.
	Digest   []byte      `json:"digest"`
	HashFunc crypto.Hash `json:"hashFunc"`
}

var errUsage = errors.New(
	"the plugin takes two arguments, the version of the protocol and JSON: cosign and other sigstore programs run it")

// parseArguments reads the arguments of the process. Its errors don't show them.
func parseArguments(args []string) (*arguments, error) {
	if len(args) != 2 {
		return nil, errUsage
	}
	if args[0] != Version {
		return nil, fmt.Errorf("the protocol %.16q is not supported: this plugin speaks %s", args[0], Version)
	}
	var a arguments
	if err := json.Unmarshal([]byte(args[1]), &a); err != nil {
		return nil, fmt.Errorf("the second argument is not JSON of the protocol %s: %s", Version, jsonFault(err))
	}
	switch {
	case a.InitOptions == nil:
		return nil, errors.New("the arguments have no initOptions")
	case a.InitOptions.ProtocolVersion != Version:
		return nil, fmt.Errorf("the protocol %.16q of initOptions is not supported: this plugin speaks %s",
			a.InitOptions.ProtocolVersion, Version)
	}
	return &a, nil
}

// jsonFault says what is wrong with JSON, and where.
func jsonFault(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return cmp.Or(wrong.Field, "it") + " must not be the JSON type " + wrong.Value
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("there is a mistake after %d bytes", wrong.Offset)
	}
	return "a value can't be read"
}

// request returns what a method is about, given its options.
func (a *arguments) request(o methodOptions) Request {
	init := a.InitOptions
	return Request{
		Reference: init.KeyResourceID,
		Version:   cmp.Or(o.RPCOptions.KeyVersion, init.RPCOptions.KeyVersion),
		Remote:    o.RPCOptions.RemoteVerification || init.RPCOptions.RemoteVerification,
		Hash:      cmp.Or(o.MessageOptions.HashFunc, init.HashFunc),
		Digest:    o.MessageOptions.Digest,
	}
}
