package signature_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

func ExampleSignV1() {
	credentials := signature.Credentials{AccessKeyID: "testid", AccessKeySecret: kmsapi.NewSecret("testsecret")}
	params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}, {Name: "Format", Value: "JSON"}}
	nonce, at := "15215528852396", time.Date(2016, 3, 28, 3, 13, 8, 0, time.UTC)

	signed := signature.SignV1(http.MethodPost, params, credentials, nonce, at)
	for _, p := range signed {
		fmt.Println(p.Name, p.Value)
	}
	// Output:
	// Action CreateKey
	// Format JSON
	// AccessKeyId testid
	// SignatureMethod HMAC-SHA1
	// SignatureNonce 15215528852396
	// SignatureVersion 1.0
	// Timestamp 2016-03-28T03:13:08Z
	// Version 2016-01-20
	// Signature u+DomiGiLcMM0QHLFJwfswL/CBM=
}

func ExampleVerifyV1() {
	secret := kmsapi.NewSecret("testsecret")
	params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}, {Name: "AccessKeyId", Value: "testid"}}
	params = params.Add("Signature", signature.V1(secret, signature.StringToSignV1(http.MethodPost, params)))

	sent := signature.StringToSignV1(http.MethodPost, params)
	fmt.Println(signature.VerifyV1(secret, sent, params.Get("Signature")))

	altered := signature.StringToSignV1(http.MethodPost, params.Add("RegionId", "cn-beijing"))
	fmt.Println(signature.VerifyV1(secret, altered, params.Get("Signature")))
	// Output:
	// true
	// false
}
