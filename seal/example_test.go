package seal_test

import (
	"context"
	"fmt"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/openbao/go-kms-wrapping/v2/kms"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

func Example() {
	kms, stop := kmstest.NewWithoutTest() // in place of Alibaba Cloud
	defer stop()
	ctx := context.Background()

	w := new(seal.Wrapper)
	_, err := w.SetConfig(ctx, wrapping.WithConfigMap(map[string]string{
		"kms_key_id": createKey(kms, ""),
		"region":     kms.Region,
		"domain":     kms.Endpoint,
		"ca_cert":    kms.CACert,
		"access_key": kms.AccessKeyID,
		"secret_key": kms.AccessKeySecret.Reveal(),
	}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = w.Finalize(ctx) }()

	blob, err := w.Encrypt(ctx, []byte("root key"), wrapping.WithAad([]byte("barrier")))
	if err != nil {
		panic(err)
	}
	opened, err := w.Decrypt(ctx, blob, wrapping.WithAad([]byte("barrier")))
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", opened)

	_, err = w.Decrypt(ctx, blob, wrapping.WithAad([]byte("another path")))
	fmt.Println(err)
	// Output:
	// root key
	// the sealed data does not open: it was altered, or the AAD is different
}

// A CMK of a KMS instance is used over the instance's dedicated gateway, and nothing goes to the shared one.
func Example_dedicatedGateway() {
	kms, stop := kmstest.NewWithoutTest()
	defer stop()
	ctx := context.Background()

	w := new(seal.Wrapper)
	shown, err := w.SetConfig(ctx, wrapping.WithConfigMap(map[string]string{
		"gateway":           "dedicated",
		"kms_instance_id":   kms.Instance.ID,
		"instance_endpoint": kms.Instance.Endpoint, // by default derived from the id
		"ca_cert":           kms.Instance.CAFile,
		"kms_key_id":        createKey(kms, kms.Instance.ID),
		"access_key":        kms.AccessKeyID,
		"secret_key":        kms.AccessKeySecret.Reveal(),
	}))
	if err != nil {
		panic(err)
	}
	defer func() { _ = w.Finalize(ctx) }()
	fmt.Println(shown.Metadata["gateway"], shown.Metadata["kms_instance_id"])
	// Output:
	// dedicated kst-dev
}

// createKey creates a CMK in a KMS instance, or in none, and returns its id.
func createKey(kms *kmstest.KMS, instance string) string {
	c, err := client.New(kms.ClientConfig())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	created, err := c.CreateKey(context.Background(), &kmsapi.CreateKeyRequest{DKMSInstanceId: instance})
	if err != nil {
		panic(err)
	}
	return created.KeyMetadata.KeyId
}

// Transit encrypts with a key that stays in KMS.
func ExampleExternalKeys() {
	service, stop := kmstest.NewWithoutTest()
	defer stop()
	ctx := context.Background()

	opened := seal.NewExternalKeys()
	err := opened.Open(ctx, &kms.OpenOptions{ConfigMap: kms.ConfigMap{
		"region":     service.Region,
		"endpoint":   service.Endpoint,
		"ca_cert":    service.CACert,
		"access_key": service.AccessKeyID,
		"secret_key": service.AccessKeySecret.Reveal(),
	}})
	if err != nil {
		panic(err)
	}
	defer func() { _ = opened.Close(ctx) }()

	key, err := opened.GetKey(ctx, &kms.KeyOptions{ConfigMap: kms.ConfigMap{"key_id": createKey(service, "")}})
	if err != nil {
		panic(err)
	}
	ciphertext, err := key.Encrypt(ctx, &kms.CipherOptions{Data: []byte("hello"), AAD: []byte("row 7")})
	if err != nil {
		panic(err)
	}
	plaintext, err := key.Decrypt(ctx, &kms.CipherOptions{Data: ciphertext, AAD: []byte("row 7")})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", plaintext)
	// Output: hello
}
