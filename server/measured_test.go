package server_test

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// measured is a request that BenchmarkRequest times and whose allocations a test bounds.
type measured struct {
	action string
	// kind distinguishes requests with the same action.
	kind        string
	pairs       []string
	allocations float64 // at most
}

func (m measured) name() string { return m.action + m.kind }

// measuredRequests returns the requests that programs send often. l must have the RSA keys of testdata and the SM
// algorithms.
func measuredRequests(l *lab) []measured {
	id := l.createKey()
	context := `{"app":"payroll"}`
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", context).CiphertextBlob
	found := []measured{
		{"Encrypt", "", []string{"KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", context}, 120},
		{"Decrypt", "", []string{"CiphertextBlob", blob, "EncryptionContext", context}, 125},
		{"GenerateDataKey", "", []string{"KeyId", id}, 120},
		{"GenerateDataKeyWithoutPlaintext", "", []string{"KeyId", id}, 120},
		{"GenerateAndExportDataKey", "", append(toRecipient(), "KeyId", id), 160},
		{"ExportDataKey", "", append(toRecipient(), "CiphertextBlob", blob, "EncryptionContext", context), 165},
		{
			"ReEncrypt", "",
			[]string{"CiphertextBlob", blob, "SourceEncryptionContext", context, "DestinationKeyId", id},
			170,
		},
		{"DescribeKey", "", []string{"KeyId", id}, 90},
	}
	return slices.Concat(found, measuredSecrets(l, id), measuredSM4(l), measuredSignatures(l), measuredPairCiphertexts(l))
}

// measuredSecrets returns requests for a secret that the service's own key encrypts, and for one under the CMK called
// id.
func measuredSecrets(l *lab, id string) []measured {
	created := func(name string, more ...string) []string {
		l.must("CreateSecret", append(more, "SecretName", name, "VersionId", "1", "SecretData", "c2VjcmV0")...)
		return []string{"SecretName", name}
	}
	return []measured{
		{"GetSecretValue", "", created("of/service"), 120},
		{"GetSecretValue", " of a key", created("of/key", "EncryptionKeyId", id), 150},
	}
}

// measuredSM4 returns requests for an SM4 key.
func measuredSM4(l *lab) []measured {
	id, of := l.createSM4(), " of "+kmsapi.KeySpecSM4
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob
	return []measured{
		{"Encrypt", of, []string{"KeyId", id, "Plaintext", "c2VjcmV0"}, 125},
		{"Decrypt", of, []string{"CiphertextBlob", blob}, 125},
	}
}

// measuredSignatures returns requests for keys that sign.
func measuredSignatures(l *lab) []measured {
	var found []measured
	for spec, algorithm := range map[string]string{
		kmsapi.KeySpecP256: kmsapi.SignECDSA, kmsapi.KeySpecRSA2048: kmsapi.SignPSS,
	} {
		p, of := l.createPair(spec, kmsapi.KeyUsageSignVerify), " of "+spec
		digest := []string{"Algorithm", algorithm, "Digest", aDigest}
		signature := l.must("AsymmetricSign", p.with(digest...)...).Value.(string)
		found = append(found,
			measured{"AsymmetricSign", of, p.with(digest...), 220},
			measured{"AsymmetricVerify", of, p.with(append(digest, "Value", signature)...), 120},
			measured{"DescribeKey", of, []string{"KeyId", p.id}, 90},
			measured{"GetPublicKey", of, p.with(), 100},
		)
	}
	return found
}

// measuredPairCiphertexts returns requests for a key pair that encrypts.
func measuredPairCiphertexts(l *lab) []measured {
	p, of := l.createPair(kmsapi.KeySpecRSA2048, kmsapi.KeyUsageEncryptDecrypt), " of "+kmsapi.KeySpecRSA2048
	encrypts := p.with("Algorithm", kmsapi.EncryptOAEPSHA256, "Plaintext", "c2VjcmV0")
	blob := l.must("AsymmetricEncrypt", encrypts...).CiphertextBlob
	decrypts := p.with("Algorithm", kmsapi.EncryptOAEPSHA256, "CiphertextBlob", blob)
	return []measured{
		{"AsymmetricEncrypt", of, encrypts, 120},
		{"AsymmetricDecrypt", of, decrypts, 200},
	}
}
