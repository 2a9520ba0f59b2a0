package kmsapi

// The KeySpecs of CMKs that the service can make.
const (
	// KeySpecAES256 is a 256-bit symmetric key, and the only KeySpec in the reference.
	KeySpecAES256 = "Aliyun_AES_256"
	// KeySpecRSA2048 and the next two are RSA key pairs by the length of their modulus, with the exponent 65537.
	KeySpecRSA2048 = "RSA_2048"
	KeySpecRSA3072 = "RSA_3072"
	KeySpecRSA4096 = "RSA_4096"
	// KeySpecP256 is a key pair on the curve secp256r1.
	KeySpecP256 = "EC_P256"
	// KeySpecP256K is a key pair on the curve secp256k1.
	KeySpecP256K = "EC_P256K"
	// KeySpecSM2 is a key pair on the curve of SM2 (GB/T 32918).
	KeySpecSM2 = "EC_SM2"
	// KeySpecSM4 is a 128-bit symmetric key of SM4 (GB/T 32907).
	KeySpecSM4 = "Aliyun_SM4"
)

// The KeyUsages of CMKs.
const (
	// KeyUsageEncryptDecrypt is the only KeyUsage in the reference (§4.1), and the default of keys that can't sign.
	KeyUsageEncryptDecrypt = "ENCRYPT/DECRYPT"
	// KeyUsageSignVerify is the default of keys that can sign.
	KeyUsageSignVerify = "SIGN/VERIFY"
)

// The algorithms of asymmetric keys. Signatures are of a SHA-256 digest, except with SM2.
const (
	// SignPSS is RSASSA-PSS with a salt of 32 bytes; its mask generation uses SHA-256 too.
	SignPSS = "RSA_PSS_SHA_256"
	// SignPKCS1v15 is RSASSA-PKCS1-v1_5.
	SignPKCS1v15 = "RSA_PKCS1_SHA_256"
	// SignECDSA is ECDSA on the curve of the key; a signature is a DER SEQUENCE of r and s.
	SignECDSA = "ECDSA_SHA_256"
	// SignSM2 is the signature of SM2 (GB/T 32918.2), as a DER SEQUENCE of r and s. The digest is SM3(Z ‖ message),
	// where Z is computed from the signer's public key and, by convention, the identity 1234567812345678.
	SignSM2 = "SM2DSA"
	// EncryptOAEPSHA256 and EncryptOAEPSHA1 are RSAES-OAEP. The mask generation uses the same hash, and the label is
	// empty.
	EncryptOAEPSHA256 = WrapOAEPSHA256
	EncryptOAEPSHA1   = WrapOAEPSHA1
	// EncryptSM2 is the encryption of SM2 (GB/T 32918.4). A ciphertext is an uncompressed point, 32 bytes of SM3, and
	// as many bytes as the plaintext (C1C3C2), not DER.
	EncryptSM2 = WrapSM2PKE
)

// DigestSize is the length of the digest that asymmetric keys sign, in bytes.
const DigestSize = 32

// A keySpec is all that is known about a KeySpec.
type keySpec struct {
	name string
	// served is false for a KeySpec that the API publishes but the service lacks.
	served bool
	// sm is true for a KeySpec that the service has only with the SM algorithms.
	sm bool
	// signs and encrypts are the algorithms of AsymmetricSign and AsymmetricEncrypt. Symmetric keys have none.
	signs, encrypts []string
	// material is the length of a symmetric key, in bytes.
	material int
	// wraps are the algorithms that imported key material is wrapped with.
	wraps []string
}

var (
	rsaSigns    = []string{SignPSS, SignPKCS1v15}
	rsaEncrypts = []string{EncryptOAEPSHA256, EncryptOAEPSHA1}
	ecSigns     = []string{SignECDSA}
)

// keySpecs has a row for each KeySpec of CreateKey. It is never changed.
var keySpecs = []keySpec{
	{name: KeySpecAES256, served: true, material: KeyMaterialSize, wraps: symmetricWraps},
	{name: KeySpecRSA2048, served: true, signs: rsaSigns, encrypts: rsaEncrypts, wraps: pairWraps},
	{name: KeySpecRSA3072, served: true, signs: rsaSigns, encrypts: rsaEncrypts, wraps: pairWraps},
	{name: KeySpecRSA4096, served: true, signs: rsaSigns, encrypts: rsaEncrypts, wraps: pairWraps},
	{name: KeySpecP256, served: true, signs: ecSigns, wraps: pairWraps},
	{name: KeySpecP256K, served: true, signs: ecSigns, wraps: pairWraps},
	{name: "Aliyun_AES_128", material: 16, wraps: symmetricWraps},
	{name: "Aliyun_AES_192", material: 24, wraps: symmetricWraps},
	{name: KeySpecSM4, served: true, sm: true, material: 16, wraps: symmetricWraps},
	{
		name: KeySpecSM2, served: true, sm: true, signs: []string{SignSM2}, encrypts: []string{EncryptSM2},
		wraps: []string{WrapSM2KeyPair},
	},
}

// findKeySpec returns the row of a KeySpec, and an empty row if there is none. Every request calls it.
func findKeySpec(name string) *keySpec {
	for i := range keySpecs {
		if keySpecs[i].name == name {
			return &keySpecs[i]
		}
	}
	return &noKeySpec
}

var noKeySpec keySpec

// KeySpecs returns every KeySpec that the API publishes for CreateKey, served or not.
func KeySpecs() (names []string) {
	for _, s := range keySpecs {
		names = append(names, s.name)
	}
	return names
}

// ServesKeySpec reports whether the service can make a CMK of that KeySpec, given the SM algorithms if [NeedsSM] is
// true.
func ServesKeySpec(name string) bool { return findKeySpec(name).served }

// NeedsSM reports whether the service can use a CMK, or a wrapping key, of that KeySpec only with the SM algorithms,
// which its configuration enables.
func NeedsSM(name string) bool { return findKeySpec(name).sm }

// MaterialSize returns the length of the key material of a symmetric CMK, in bytes, and 0 for any other KeySpec.
func MaterialSize(name string) int { return findKeySpec(name).material }

// IsMaterialSize reports whether the key material of any symmetric KeySpec has that length, in bytes.
func IsMaterialSize(size int) bool {
	for _, s := range keySpecs {
		if size > 0 && s.material == size {
			return true
		}
	}
	return false
}

// IsAsymmetric reports whether CMKs of a KeySpec are key pairs.
func IsAsymmetric(name string) bool {
	s := findKeySpec(name)
	return s.name != "" && s.material == 0
}

// KeyUsages returns the possible KeyUsages of a CMK of a KeySpec, the default first. A CMK has one of them.
func KeyUsages(name string) (usages []string) {
	s := findKeySpec(name)
	if len(s.signs) > 0 {
		usages = append(usages, KeyUsageSignVerify)
	}
	if s.material > 0 || len(s.encrypts) > 0 {
		usages = append(usages, KeyUsageEncryptDecrypt)
	}
	return usages
}

// Algorithms returns the algorithms of an asymmetric key with that KeyUsage.
func Algorithms(name, usage string) []string {
	if usage == KeyUsageSignVerify {
		return findKeySpec(name).signs
	}
	return findKeySpec(name).encrypts
}

// A KeyKind is the kind of key that an operation works with.
type KeyKind string

// The kinds of keys.
const (
	// AnyKey is for operations that use no key material.
	AnyKey KeyKind = ""
	// SymmetricKey is for operations that encrypt data with a symmetric key.
	SymmetricKey KeyKind = "symmetric"
	// KeyPair is for operations that work with an asymmetric key, whatever its KeyUsage.
	KeyPair KeyKind = "key pair"
	// SigningKey is for an asymmetric key that signs.
	SigningKey KeyKind = "signing key"
	// DecryptingKey is for an asymmetric key that decrypts.
	DecryptingKey KeyKind = "decrypting key"
)

// Has reports whether a key with that KeySpec and KeyUsage is of the kind.
func (k KeyKind) Has(spec, usage string) bool {
	switch k {
	case AnyKey:
		return true
	case SymmetricKey:
		return !IsAsymmetric(spec)
	case KeyPair:
		return IsAsymmetric(spec)
	case SigningKey:
		return IsAsymmetric(spec) && usage == KeyUsageSignVerify
	case DecryptingKey:
		return IsAsymmetric(spec) && usage == KeyUsageEncryptDecrypt
	default:
		return false
	}
}
