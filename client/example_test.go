package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A client for Alibaba Cloud needs a region and an access key. It connects at the first call.
func ExampleNew() {
	kms, err := client.New(client.Config{
		Region:      "cn-hangzhou",
		Credentials: client.Static{AccessKeyID: "LTAI...", AccessKeySecret: kmsapi.NewSecret("...")},
	})
	if err != nil {
		panic(err)
	}
	defer kms.Close()
	fmt.Println(kms.Endpoint())
	// Output: kms.cn-hangzhou.aliyuncs.com:443
}

// newExampleKey returns a client of a service in this process, and the id of a new key.
func newExampleKey() (kms *client.Client, keyID string, stop func()) {
	service, stop := kmstest.NewWithoutTest()
	kms, err := client.New(service.ClientConfig())
	if err != nil {
		panic(err)
	}
	created, err := kms.CreateKey(context.Background(), &kmsapi.CreateKeyRequest{Description: "payroll"})
	if err != nil {
		panic(err)
	}
	return kms, created.KeyMetadata.KeyId, stop
}

// The encryption context is not stored: the same one must be given to decrypt.
func ExampleClient_EncryptBytes() {
	kms, keyID, stop := newExampleKey()
	defer stop()
	ctx, encCtx := context.Background(), kmsapi.EncryptionContext{"app": "payroll"}

	blob, err := kms.EncryptBytes(ctx, keyID, []byte("hello"), encCtx)
	if err != nil {
		panic(err)
	}
	plaintext, openedBy, err := kms.DecryptBytes(ctx, blob, encCtx)
	fmt.Println(string(plaintext), openedBy == keyID, err)
	_, _, err = kms.DecryptBytes(ctx, blob, kmsapi.EncryptionContext{"app": "hr"})
	fmt.Println(errors.Is(err, kmsapi.ErrInvalidParameter))
	// Output:
	// hello true <nil>
	// true
}

// A program encrypts a large file with the data key, keeps CiphertextBlob beside it, and has KMS open that when it
// reads the file.
func ExampleClient_GenerateDataKey() {
	kms, keyID, stop := newExampleKey()
	defer stop()
	ctx := context.Background()

	dataKey, err := kms.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: keyID})
	if err != nil {
		panic(err)
	}
	opened, err := kms.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: dataKey.CiphertextBlob})
	if err != nil {
		panic(err)
	}
	fmt.Println(opened.Plaintext.Reveal() == dataKey.Plaintext.Reveal(), dataKey.Plaintext)
	// Output: true [redacted]
}

// Do sends any request of the catalogue, and returns the answer that belongs to it.
func ExampleDo() {
	kms, keyID, stop := newExampleKey()
	defer stop()
	described, err := client.Do(context.Background(), kms, &kmsapi.DescribeKeyRequest{KeyId: keyID})
	if err != nil {
		panic(err)
	}
	fmt.Println(described.KeyMetadata.Description, described.KeyMetadata.KeyState)
	// Output: payroll Enabled
}

// A refusal is compared with an Err value, or asked for its kind. Everything else did not come from KMS.
func ExampleTransportError() {
	kms, keyID, stop := newExampleKey()
	stop() // from here on, there is no service
	_, err := kms.EncryptBytes(context.Background(), keyID, []byte("hello"), nil)
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		fmt.Println("KMS refused:", refused.Code)
	}
	if failed, ok := errors.AsType[*client.TransportError](err); ok {
		fmt.Println(failed.Operation, "was not run:", failed.Unsent)
	}
	// Output: Encrypt was not run: true
}
