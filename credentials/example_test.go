package credentials_test

import (
	"context"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func ExampleNew() {
	provider, err := credentials.New(credentials.Config{
		Static:         client.Static{AccessKeyID: "LTAIgiven", AccessKeySecret: kmsapi.NewSecret("secret")},
		UseEnvironment: true,
	})
	if err != nil {
		panic(err)
	}
	got, err := provider.Credentials(context.Background())
	fmt.Println(got.AccessKeyID, got.AccessKeySecret, err)
	// Output: LTAIgiven [redacted] <nil>
}
