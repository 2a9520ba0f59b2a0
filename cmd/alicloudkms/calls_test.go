package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// readyLine is what the service logs once it listens.
var readyLine = regexp.MustCompile(`msg=ready address=(\S+)`)

// listKeys asks the service whose log is LOG, and whose CA is in the file CA, with the access key ID, whose secret is
// in a file: listkeys LOG CA ID FILE. Without a negation, the service must answer; with one, it must refuse the access
// key.
func listKeys(ts *testscript.TestScript, neg bool, args []string) {
	found := readyLine.FindStringSubmatch(ts.ReadFile(args[0]))
	if found == nil {
		ts.Fatalf("%s does not say where the service is", args[0])
	}
	c, err := client.New(client.Config{
		Endpoint: found[1], CACert: ts.ReadFile(args[1]), MaxRetries: -1,
		Credentials: client.Static(client.Credentials{
			AccessKeyID: args[2], AccessKeySecret: kmsapi.NewSecret(strings.TrimSpace(ts.ReadFile(args[3]))),
		}),
	})
	ts.Check(err)
	defer c.Close()
	_, err = c.ListKeys(context.Background(), &kmsapi.ListKeysRequest{})
	if neg {
		if err == nil {
			ts.Fatalf("the access key %s is not refused", args[2])
		}
		ts.Logf("%v", err)
		return
	}
	ts.Check(err)
}
