package call

import (
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
)

// A UsageError is a mistake in what was typed. Nothing was sent.
type UsageError struct{ message string }

// Error says what is wrong, and shows no value.
func (e *UsageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &UsageError{terminal.Escape(fmt.Sprintf(format, args...), "")}
}

// didYouMean is the end of an error about an unknown name. It is empty if no known name is near.
func didYouMean(name string, known []string) string {
	near := guess.Nearest(name, known)
	for _, k := range known {
		if strings.EqualFold(name, k) {
			near = k
		}
	}
	if near == "" {
		return ""
	}
	return "; did you mean " + near + "?"
}
