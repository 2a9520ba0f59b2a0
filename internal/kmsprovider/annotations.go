package kmsprovider

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

// formatAnnotation says how a ciphertext was made, so that a later version of this program can do it differently. The
// API wants a domain name.
const (
	formatAnnotation = "format.kms-provider.alicloudkms.github.io"
	format           = "1"
)

// annotations are stored with a ciphertext, in clear.
func annotations() map[string][]byte { return map[string][]byte{formatAnnotation: []byte(format)} }

// checkAnnotations refuses a ciphertext of another format. No annotations mean the first format.
func checkAnnotations(found map[string][]byte) error {
	if value, ok := found[formatAnnotation]; ok && string(value) != format {
		return &Refusal{codes.InvalidArgument, fmt.Sprintf("the ciphertext has format %.20q, which a later version of this "+
			"program has made", value)}
	}
	return nil
}
