package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// SchemeACS3 is the first word of the Authorization header of a request that is signed with ACS3-HMAC-SHA256.
const SchemeACS3 = "ACS3-HMAC-SHA256"

// ACS3 has the parts of a request that ACS3-HMAC-SHA256 signs.
type ACS3 struct {
	Method, Path string
	// Query holds the decoded parameters of the query. PayloadHash covers those of a form body.
	Query kmsapi.Params
	// SignedHeaders are the names in the Authorization header, in lower case.
	SignedHeaders []string
	// Header returns the value of a header by its lower-case name, also for "host".
	Header func(name string) string
	// PayloadHash is [HashPayload] of the raw body.
	PayloadHash string
}

// CanonicalRequest returns the six parts of the request, one per line.
func (r ACS3) CanonicalRequest() string {
	names := slices.Sorted(slices.Values(r.SignedHeaders))
	var b strings.Builder
	for _, part := range []string{r.Method, r.Path, Canonical(r.Query)} {
		b.WriteString(part)
		b.WriteByte('\n')
	}
	for _, name := range names {
		b.WriteString(name + ":" + strings.TrimSpace(r.Header(name)) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + r.PayloadHash)
	return b.String()
}

// StringToSign returns the string that is signed.
func (r ACS3) StringToSign() string {
	return SchemeACS3 + "\n" + HashPayload([]byte(r.CanonicalRequest()))
}

// HashPayload returns the lower-case hex SHA-256 of data.
func HashPayload(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// SignACS3 returns the lower-case hex signature of stringToSign.
func SignACS3(accessKeySecret kmsapi.Secret, stringToSign string) string {
	mac := hmac.New(sha256.New, []byte(accessKeySecret.Reveal()))
	mac.Write([]byte(stringToSign))
	return hex.EncodeToString(mac.Sum(nil))
}

// VerifyACS3 reports in constant time whether signature is the signature of stringToSign.
func VerifyACS3(accessKeySecret kmsapi.Secret, stringToSign, signature string) bool {
	return hmac.Equal([]byte(SignACS3(accessKeySecret, stringToSign)), []byte(signature))
}

// Authorization is a parsed Authorization header of ACS3-HMAC-SHA256.
type Authorization struct {
	AccessKeyID   string
	SignedHeaders []string
	Signature     string
}

var errAuthorization = errors.New(
	`the Authorization header is not "` + SchemeACS3 + ` Credential=…,SignedHeaders=…,Signature=…"`)

// ParseAuthorization parses an Authorization header. Its fields may come in any order, since SDKs differ, but each only
// once. So may the names of signed headers, of which there may be 64.
func ParseAuthorization(header string) (Authorization, error) {
	fields, ok := strings.CutPrefix(header, SchemeACS3+" ")
	if !ok {
		return Authorization{}, errAuthorization
	}
	found := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		if _, twice := found[name]; twice {
			return Authorization{}, errAuthorization
		}
		found[name] = value
	}
	a := Authorization{AccessKeyID: found["Credential"], Signature: found["Signature"]}
	if a.AccessKeyID == "" || a.Signature == "" || found["SignedHeaders"] == "" || len(found) != 3 {
		return Authorization{}, errAuthorization
	}
	a.SignedHeaders = strings.Split(found["SignedHeaders"], ";")
	if len(a.SignedHeaders) > maxSignedHeaders || hasDuplicate(a.SignedHeaders) {
		return Authorization{}, errAuthorization
	}
	return a, nil
}

// maxSignedHeaders is more than any SDK signs. Each name adds its header to the canonical request, which is built
// before the caller is authenticated. So names must be few and different.
const maxSignedHeaders = 64

func hasDuplicate(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) != len(names)
}
