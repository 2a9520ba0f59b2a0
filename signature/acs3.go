package signature

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
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
	var b strings.Builder
	r.writeCanonical(&b)
	return b.String()
}

// writeCanonical writes [ACS3.CanonicalRequest] in pieces. It ignores errors of w, which must keep them.
func (r ACS3) writeCanonical(w io.StringWriter) {
	write := func(parts ...string) {
		for _, part := range parts {
			_, _ = w.WriteString(part)
		}
	}
	write(r.Method, "\n", r.Path, "\n")
	writeCanonical(w, r.Query.Sorted())
	write("\n")
	names := slices.Sorted(slices.Values(r.SignedHeaders))
	for _, name := range names {
		write(name, ":", strings.TrimSpace(r.Header(name)), "\n")
	}
	write("\n", strings.Join(names, ";"), "\n", r.PayloadHash)
}

// hashBuffer collects the pieces of a canonical request on their way into its hash.
const hashBuffer = 512

// StringToSign returns the string that is signed. The canonical request is hashed while it is written, so it takes no
// memory, however long the parts of the request are.
func (r ACS3) StringToSign() string {
	hash := sha256.New()
	w := bufio.NewWriterSize(hash, hashBuffer)
	r.writeCanonical(w)
	_ = w.Flush() // Writing to a hash never fails.
	return SchemeACS3 + "\n" + hex.EncodeToString(hash.Sum(nil))
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
// once. The same holds for the names of signed headers, which must be in lower case, and at most 64. Any other header
// is refused before its parts are collected.
func ParseAuthorization(header string) (a Authorization, err error) {
	fields, ok := strings.CutPrefix(header, SchemeACS3+" ")
	if !ok {
		return Authorization{}, errAuthorization
	}
	var signedHeaders string
	known := map[string]*string{
		"Credential": &a.AccessKeyID, "SignedHeaders": &signedHeaders, "Signature": &a.Signature,
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		into := known[name]
		if into == nil || *into != "" || value == "" {
			return Authorization{}, errAuthorization
		}
		*into = value
	}
	if a.AccessKeyID == "" || a.Signature == "" {
		return Authorization{}, errAuthorization
	}
	a.SignedHeaders, err = parseSignedHeaders(signedHeaders)
	if err != nil {
		return Authorization{}, err
	}
	return a, nil
}

// maxSignedHeaders is more headers than any SDK signs. Each name adds its header to the canonical request, which is
// computed before the caller is authenticated. So names must be few, and no two may mean the same header.
const maxSignedHeaders = 64

// parseSignedHeaders splits names in lower case. HTTP ignores case, so two spellings of a name would be two names here,
// but the same header.
func parseSignedHeaders(list string) ([]string, error) {
	if list == "" || strings.Count(list, ";") >= maxSignedHeaders || strings.ContainsFunc(list, isUpper) {
		return nil, errAuthorization
	}
	names := strings.Split(list, ";")
	if hasDuplicate(names) {
		return nil, errAuthorization
	}
	return names, nil
}

func isUpper(c rune) bool { return 'A' <= c && c <= 'Z' }

func hasDuplicate(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) != len(names)
}
