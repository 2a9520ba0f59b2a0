package seal_test

import (
	"context"
	"fmt"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

func Example() {
	kms, stop := kmstest.NewWithoutTest() // It takes the place of Alibaba Cloud.
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
		"instance_endpoint": kms.Instance.Endpoint, // By default, it follows from the id.
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
