package kmsapi

// Limits of the reference. Sizes are in bytes unless a name says otherwise.
const (
	// MaxPlaintext is the most that Encrypt takes, counted after base64 is decoded, or as it is if Plaintext is not
	// base64 (§4.11).
	MaxPlaintext = 6 * 1024
	// MaxSM2Plaintext is the most that AsymmetricEncrypt takes with [EncryptSM2], which makes it 97 bytes longer: no
	// ciphertext has more than 6,144.
	MaxSM2Plaintext = MaxPlaintext - 97
	// MaxEncryptionContext is the length of the EncryptionContext parameter, in characters.
	MaxEncryptionContext = 8192
	// MaxDescription is the length of a CMK's Description, in characters (§4.1).
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
