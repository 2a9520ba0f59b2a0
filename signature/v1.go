package signature

import (
	"crypto/hmac"
	"crypto/sha1" // The scheme requires HMAC-SHA1, which SHA-1's collisions do not weaken.
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The fixed values of the parameters of RPC signature version 1 (§1.3).
const (
	MethodHMACSHA1 = "HMAC-SHA1"
	Version1       = "1.0"
)

// Credentials sign a request.
type Credentials struct {
	// AccessKeyID is public.
	AccessKeyID string
	// AccessKeySecret is the signing key.
	AccessKeySecret kmsapi.Secret
	// SecurityToken belongs to temporary credentials from STS, and is empty otherwise.
	SecurityToken kmsapi.Secret
}

// Equal reports whether c and other are the same, in constant time.
func (c Credentials) Equal(other Credentials) bool {
	id := subtle.ConstantTimeCompare([]byte(c.AccessKeyID), []byte(other.AccessKeyID))
	secret := subtle.ConstantTimeCompare([]byte(c.AccessKeySecret.Reveal()), []byte(other.AccessKeySecret.Reveal()))
	token := subtle.ConstantTimeCompare([]byte(c.SecurityToken.Reveal()), []byte(other.SecurityToken.Reveal()))
	return id&secret&token == 1
}

// StringToSignV1 returns the string that RPC signature version 1 signs. method is the HTTP method, and params are all
// parameters of the query and the form body. The parameter Signature is left out.
func StringToSignV1(method string, params kmsapi.Params) string {
	return string(AppendStringToSignV1(nil, method, params))
}

// AppendStringToSignV1 appends [StringToSignV1] to dst.
func AppendStringToSignV1(dst []byte, method string, params kmsapi.Params) []byte {
	var few [fewParams]kmsapi.Param
	signed := kmsapi.Params(few[:0])
	for _, p := range params {
		if p.Name != "Signature" {
			signed = append(signed, p)
		}
	}
	signed.Sort()
	dst = slices.Grow(dst, len(method)+sizeHint(signed, twice))
	dst = append(dst, method...)
	dst = append(dst, "&%2F&"...)
	return appendCanonical(dst, signed, twice)
}

// V1 returns the base64 signature of stringToSign.
func V1(accessKeySecret kmsapi.Secret, stringToSign string) string {
	return string(appendV1(nil, accessKeySecret, []byte(stringToSign)))
}

// appendV1 appends the base64 signature of stringToSign to dst.
func appendV1(dst []byte, accessKeySecret kmsapi.Secret, stringToSign []byte) []byte {
	secret := accessKeySecret.Reveal()
	mac := hmac.New(sha1.New, append(append(make([]byte, 0, len(secret)+1), secret...), '&'))
	mac.Write(stringToSign)
	var sum [sha1.Size]byte
	return base64.StdEncoding.AppendEncode(dst, mac.Sum(sum[:0]))
}

// VerifyV1 reports in constant time whether signature is the signature of stringToSign. It compares base64, so that a
// signature has only one valid spelling.
func VerifyV1[S string | []byte](accessKeySecret kmsapi.Secret, stringToSign S, signature string) bool {
	var want [base64Size]byte
	return hmac.Equal(appendV1(want[:0], accessKeySecret, []byte(stringToSign)), []byte(signature))
}

// base64Size is the length of a signature in base64.
const base64Size = (sha1.Size + 2) / 3 * 4

// SignV1 returns params with the common parameters of a request (§1.3) and its signature added. nonce must be new for
// every attempt, and at is the time of signing.
func SignV1(method string, params kmsapi.Params, c Credentials, nonce string, at time.Time) kmsapi.Params {
	return SignV1For(kmsapi.Version, method, params, c, nonce, at)
}

// SignV1For is [SignV1] for the given version of another service's API, such as that of STS.
func SignV1For(version, method string, params kmsapi.Params, c Credentials, nonce string, at time.Time) kmsapi.Params {
	signed := make(kmsapi.Params, 0, len(params)+10)
	signed = append(signed, params...)
	signed = signed.
		Add("AccessKeyId", c.AccessKeyID).
		Add("SignatureMethod", MethodHMACSHA1).
		Add("SignatureNonce", nonce).
		Add("SignatureVersion", Version1).
		Add("Timestamp", at.UTC().Format(kmsapi.TimeFormat)).
		Add("Version", version)
	if !c.SecurityToken.IsEmpty() {
		signed = signed.Add("SecurityToken", c.SecurityToken.Reveal())
	}
	var computed [base64Size]byte
	stringToSign := AppendStringToSignV1(nil, method, signed)
	return signed.Add("Signature", string(appendV1(computed[:0], c.AccessKeySecret, stringToSign)))
}
