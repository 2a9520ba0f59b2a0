package kmsapi_test

import (
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The order in which names are given does not matter: one context has one wire form.
func ExampleEncryptionContext() {
	encCtx := kmsapi.EncryptionContext{"tenant": "acme", "app": "payroll"}
	fmt.Println(encCtx.JSON())
	// Output: {"app":"payroll","tenant":"acme"}
}

// JSON that two readers could understand differently is refused.
func ExampleParseEncryptionContext() {
	good, err := kmsapi.ParseEncryptionContext(`{"app":"payroll"}`)
	fmt.Println(good["app"], err)
	_, err = kmsapi.ParseEncryptionContext(`{"app":"payroll","app":"hr"}`)
	fmt.Println(err)
	// Output:
	// payroll <nil>
	// it has a name twice
}

// A secret prints as [redacted], however it is printed.
func ExampleSecret() {
	plaintext := kmsapi.NewSecret("Y29ycmVjdCBob3JzZQ==")
	fmt.Printf("%v %+v %q\n", plaintext, kmsapi.DecryptResponse{Plaintext: plaintext}.Plaintext, plaintext)
	fmt.Println(plaintext.Reveal())
	// Output:
	// [redacted] [redacted] [redacted]
	// Y29ycmVjdCBob3JzZQ==
}

// A program compares with an Err value if it must know exactly, and asks for the kind if that is enough.
func ExampleError_Kind() {
	var err error = &kmsapi.Error{
		Code: "Throttling.User", HTTPStatus: 400,
		Message: "Request was denied due to user flow control.",
	}
	fmt.Println(errors.Is(err, kmsapi.ErrThrottling))
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		fmt.Println(refused.Kind() == kmsapi.KindThrottle)
	}
	// Output:
	// false
	// true
}

// The catalogue has all that is known about an operation.
func ExampleOperation() {
	op := kmsapi.OpCreateKey
	fmt.Println(op.Section(), op.Repeatable(), op.RateClass(), op.Actions())
	fmt.Println(kmsapi.OpEncrypt.Refusal(kmsapi.Disabled).Code)
	// Output:
	// §4.1 false create_key [kms:CreateKey]
	// Rejected.Disabled
}
