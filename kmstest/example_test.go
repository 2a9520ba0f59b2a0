package kmstest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A test needs no NewWithoutTest: it gets its service from kmstest.New(t).
func ExampleKMS_ClientConfig() {
	kms, stop := kmstest.NewWithoutTest()
	defer stop()
	c, err := client.New(kms.ClientConfig())
	if err != nil {
		panic(err)
	}
	defer c.Close()

	created, err := c.CreateKey(context.Background(), &kmsapi.CreateKeyRequest{Description: "payroll"})
	if err != nil {
		panic(err)
	}
	fmt.Println(created.KeyMetadata.KeyState)
	// Output: Enabled
}

// Eight days pass at once, because the service runs on a clock that the test moves.
func ExampleKMS_Advance() {
	kms, stop := kmstest.NewWithoutTest()
	defer stop()
	c, err := client.New(kms.ClientConfig())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ctx := context.Background()
	created, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{})
	if err != nil {
		panic(err)
	}
	id := created.KeyMetadata.KeyId
	_, err = c.ScheduleKeyDeletion(ctx, &kmsapi.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: 7})
	if err != nil {
		panic(err)
	}

	kms.Advance(8 * 24 * time.Hour)
	_, err = c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: id})
	fmt.Println(errors.Is(err, kmsapi.ErrKeyNotFound))
	// Output: true
}
