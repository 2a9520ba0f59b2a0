package ramtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// skew is how far the date of a request may be off.
const skew = 15 * time.Minute

var authorization = regexp.MustCompile(
	`^ACS3-HMAC-SHA256 Credential=([A-Za-z0-9.]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})$`)

// authenticate checks a request's signature as Alibaba Cloud describes it, with no code of this project.
func (r *RAM) authenticate(req *http.Request) (status int, code string) {
	parts := authorization.FindStringSubmatch(req.Header.Get("Authorization"))
	body, err := io.ReadAll(req.Body)
	if parts == nil || err != nil || req.Method != http.MethodPost || req.Header.Get("x-acs-version") != "2015-05-01" {
		return http.StatusBadRequest, "MissingParameter"
	}
	i := r.find(parts[1])
	switch {
	case i < 0 || r.clock().Before(r.keys[i].works):
		return http.StatusNotFound, "InvalidAccessKeyId.NotFound"
	case r.keys[i].Inactive:
		return http.StatusBadRequest, "InvalidAccessKeyId.Inactive"
	case !isSigned(req, body, strings.Split(parts[2], ";"), r.keys[i].Secret, parts[3]):
		return http.StatusBadRequest, "SignatureDoesNotMatch"
	}
	date, err := time.Parse("2006-01-02T15:04:05Z", req.Header.Get("x-acs-date"))
	if err != nil || date.Sub(r.clock()).Abs() > skew {
		return http.StatusBadRequest, "InvalidTimeStamp.Expired"
	}
	nonce := req.Header.Get("x-acs-signature-nonce")
	if nonce == "" || r.nonces[nonce] {
		return http.StatusBadRequest, "SignatureNonceUsed"
	}
	r.nonces[nonce] = true
	return http.StatusOK, ""
}

// isSigned also requires that the host is signed, and every header that begins with x-acs-.
func isSigned(req *http.Request, body []byte, headers []string, secret, signature string) bool {
	if !slices.IsSorted(headers) || !slices.Contains(headers, "host") {
		return false
	}
	for name := range req.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") && !slices.Contains(headers, lower) {
			return false
		}
	}
	payload := hexSHA256(body)
	if req.Header.Get("x-acs-content-sha256") != payload {
		return false
	}
	canonical := strings.Join([]string{
		req.Method, req.URL.EscapedPath(), canonicalQuery(req.URL.Query()),
		canonicalHeaders(req, headers), strings.Join(headers, ";"), payload,
	}, "\n")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hexSHA256([]byte(canonical))))
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(signature))
}

func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// canonicalHeaders ends with an empty line.
func canonicalHeaders(req *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		value := req.Header.Get(name)
		if name == "host" {
			value = req.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return b.String()
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
