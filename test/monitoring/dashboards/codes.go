package dashboards

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Codes returns a regular expression for the error codes of some kinds, as a label matcher in PromQL takes it.
func Codes(isOne func(kmsapi.Kind) bool) string {
	codes := slices.DeleteFunc(kmsapi.Codes(), func(c kmsapi.Code) bool { return !isOne(c.Kind()) })
	var names []string
	for _, code := range codes {
		names = append(names, strings.ReplaceAll(string(code), ".", `\\.`))
	}
	return strings.Join(names, "|")
}

// Internal reports whether a refusal is the service's own failure.
func Internal(k kmsapi.Kind) bool { return k == kmsapi.KindTemporary }

// Throttled reports whether a refusal is for too many requests.
func Throttled(k kmsapi.Kind) bool { return k == kmsapi.KindThrottle }

// AboveQuota reports whether a refusal is because of a quota.
func AboveQuota(k kmsapi.Kind) bool { return k == kmsapi.KindQuota }

// Unauthenticated reports whether a refusal is for wrong credentials.
func Unauthenticated(k kmsapi.Kind) bool { return k.BlamesCredentials() }
