package kmsprovider

import (
	"fmt"

	"google.golang.org/grpc/codes"
)

// The limits of the KMS v2 API, in bytes. The API server refuses what is beyond them, and then can't write.
const (
	maxCiphertext = 1024
	maxKeyID      = 1024
)

// maxPlaintext is the longest plaintext that is sent to KMS, in bytes. The API server encrypts 32; the ciphertext of a
// longer one than this would be above the limit.
const maxPlaintext = 512

func checkPlaintext(plaintext []byte) error {
	if len(plaintext) == 0 || len(plaintext) > maxPlaintext {
		return &Refusal{codes.InvalidArgument, fmt.Sprintf("a plaintext has 1 to %d bytes, and this one %d", maxPlaintext,
			len(plaintext))}
	}
	return nil
}

// checkSealed refuses what the API server would not store, or can't have stored.
func checkSealed(s Sealed, code codes.Code) error {
	if len(s.Ciphertext) == 0 || len(s.Ciphertext) > maxCiphertext {
		return &Refusal{code, fmt.Sprintf("a ciphertext has 1 to %d bytes, and this one %d", maxCiphertext,
			len(s.Ciphertext))}
	}
	if err := checkKeyID(s.KeyID); err != nil {
		return &Refusal{code, err.Error()}
	}
	return nil
}

func checkKeyID(keyID string) error {
	if keyID == "" || len(keyID) > maxKeyID {
		return &Refusal{codes.Internal, fmt.Sprintf("a key id has 1 to %d bytes, and this one %d", maxKeyID, len(keyID))}
	}
	return nil
}
