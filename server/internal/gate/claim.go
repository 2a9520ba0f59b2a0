package gate

import (
	"net/http"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// Request is a request as it was received, with its parameters decoded.
type Request struct {
	Method, Host string
	Header       http.Header
	// Gateway is the KMS instance whose dedicated gateway has received the request, or empty for the shared gateway.
	Gateway string
	// Query has only the parameters of the URL, which ACS3 signs. Params has those of URL and form body together, in
	// which no name occurs twice.
	Query, Params kmsapi.Params
	Body          []byte
	// Connection is the connection that the request was received on.
	Connection Connection
}

// Connection is the connection that a request was received on.
type Connection interface {
	// Authenticated says that a request on the connection was authenticated.
	Authenticated()
}

// IsACS3 reports whether the request is signed with ACS3. Only the Authorization header decides: SDKs send x-acs-*
// headers with RPC V1 too.
func (r *Request) IsACS3() bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), signature.SchemeACS3)
}

// claim is what a request says about itself, in either signature scheme, before any of it is trusted.
type claim struct {
	action, version string
	accessKeyID     string
	securityToken   string
	timestamp       string
	nonce           string
	// stringToSign returns what the service itself would sign. It is not called for an unknown access key.
	stringToSign func() []byte
	// verify reports whether the request's signature is the one of stringToSign with secret.
	verify func(secret kmsapi.Secret, stringToSign []byte) bool
}

// claim reads what the request says about itself. It checks only the form.
func (r *Request) claim() (claim, error) {
	if r.IsACS3() {
		return r.claimACS3()
	}
	return r.claimV1()
}

// Claimed returns what a request says about itself, for the audit line of a request that is refused before it reaches a
// [Gate].
func (r *Request) Claimed() (operation, accessKeyID string) {
	c, _ := r.claim() // What can't be read stays empty.
	return c.action, c.accessKeyID
}

// claimV1 reads a claim of RPC V1 from the parameters.
func (r *Request) claimV1() (claim, error) {
	p := r.Params
	given := p.Get("Signature")
	c := claim{
		action: p.Get("Action"), version: p.Get("Version"), accessKeyID: p.Get("AccessKeyId"),
		securityToken: p.Get("SecurityToken"), timestamp: p.Get("Timestamp"), nonce: p.Get("SignatureNonce"),
	}
	for _, name := range requiredByV1 {
		if p.Get(name) == "" {
			return c, kmsapi.MissingParameter(name)
		}
	}
	for _, fixed := range fixedByV1 {
		if p.Get(fixed.Name) != fixed.Value {
			return c, kmsapi.InvalidParameter(fixed.Name, "It must be "+fixed.Value+".")
		}
	}
	c.stringToSign = func() []byte { return signature.AppendStringToSignV1(nil, r.Method, p) }
	c.verify = func(secret kmsapi.Secret, stringToSign []byte) bool {
		return signature.VerifyV1(secret, stringToSign, given)
	}
	if c.nonce == "" {
		// The API reference requires no nonce. Without one, the signature makes a request unique.
		c.nonce = given
	}
	return c, nil
}

var (
	requiredByV1 = []string{"Action", "Version", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"}
	fixedByV1    = []kmsapi.Param{
		{Name: "SignatureMethod", Value: signature.MethodHMACSHA1}, {Name: "SignatureVersion", Value: signature.Version1},
	}
)
