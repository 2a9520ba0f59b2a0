package kmsapi

// Limits of the reference. Sizes are in bytes unless a name says otherwise.
const (
	// MaxPlaintext is the longest plaintext of Encrypt, counted after decoding base64, or as it is if Plaintext is not
	// base64 (§4.11).
	MaxPlaintext = 6 * 1024
	// MaxSM2Plaintext is the longest plaintext of AsymmetricEncrypt with [EncryptSM2], whose ciphertext is 97 bytes
	// longer: no ciphertext has more than 6,144 bytes.
	MaxSM2Plaintext = MaxPlaintext - 97
	// MaxEncryptionContext is the greatest length of the EncryptionContext parameter, in characters.
	MaxEncryptionContext = 8192
	// MaxDescription is the greatest length of a CMK's Description, in characters (§4.1).
	MaxDescription = 8192
	// MinPendingWindowInDays and MaxPendingWindowInDays bound the wait before a scheduled deletion (§4.6).
	MinPendingWindowInDays = 7
	MaxPendingWindowInDays = 30
	// MaxDataKeyBytes is the longest data key that GenerateDataKey makes; the shortest has 1 byte (§4.12).
	MaxDataKeyBytes = 1024
	// DefaultPageSize and MaxPageSize bound a page of ListKeys (§4.10).
	DefaultPageSize = 10
	MaxPageSize     = 101
)
