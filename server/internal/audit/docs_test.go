package audit_test

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

// row is a row of the table of fields.
var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| [^|]+ \\| [^|]+ \\|$")

func TestThePageHasEveryFieldOfALineAndNoOther(t *testing.T) {
	text, err := os.ReadFile("../../../docs/audit.md")
	require.NoError(t, err)
	_, text, found := bytes.Cut(text, []byte("## The line of the KMS service"))
	require.True(t, found)
	text, _, _ = bytes.Cut(text, []byte("\n## "))
	var described []string
	for _, match := range row.FindAllStringSubmatch(string(text), -1) {
		described = append(described, match[1])
	}
	require.Equal(t, audit.Fields(), described)
}
