package server_test

import (
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// BenchmarkGetParametersForImport measures a service that has wrapping keys ready. BenchmarkGenerate of package
// wrapping measures making one.
func BenchmarkGetParametersForImport(b *testing.B) {
	l := newImportLab(b)
	l.adjust = server.Options.WithCopiesOfOneWrappingKey
	l.restart()
	id := l.createKey("Origin", "EXTERNAL")
	for b.Loop() {
		l.must("GetParametersForImport", "KeyId", id,
			"WrappingAlgorithm", kmsapi.WrapOAEPSHA256, "WrappingKeySpec", "RSA_2048")
	}
}

func BenchmarkImportKeyMaterial(b *testing.B) {
	l := newImportLab(b)
	i := l.newImporter()
	wrapped := wrapBy(b, i.algorithm, i.publicKey, material)
	for b.Loop() {
		i.mustTryWrapped(wrapped)
	}
}
