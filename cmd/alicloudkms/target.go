package main

import (
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/call"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// targetFlags say which KMS to call, and where the credentials are. A call ends after limit, unless a flag says
// otherwise.
func targetFlags(limit time.Duration) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:  "env",
			Usage: "take credentials, endpoint and CA from this `FILE` of exports, not from the environment",
		},
		&cli.StringFlag{
			Name: "region", Usage: "the `REGION` of the keys: otherwise ALICLOUD_REGION, a profile's or " + kmsapi.DefaultRegion,
		},
		&cli.StringFlag{
			Name: "network", Usage: "the `NETWORK` whose endpoint of the region to call: public or vpc",
			Validator: oneOf(string(kmsapi.NetworkPublic), string(kmsapi.NetworkVPC)),
		},
		&cli.StringFlag{Name: "endpoint", Usage: "call this `HOST[:PORT]` instead: otherwise ALICLOUD_DOMAIN"},
		&cli.StringFlag{
			Name:  "ca-cert",
			Usage: "trust only the certificates in this PEM `FILE`: otherwise ALICLOUD_KMS_CA or SSL_CERT_FILE",
		},
		&cli.StringFlag{Name: "server-name", Usage: "the `HOST` in the server's certificate, if it is not the endpoint"},
		&cli.StringFlag{Name: "instance", Usage: "encrypt and decrypt at the gateway of the KMS instance `ID`"},
		&cli.StringFlag{Name: "instance-endpoint", Usage: "the gateway's `HOST[:PORT]`, if not the instance's own"},
		&cli.StringFlag{Name: "instance-ca-cert", Usage: "the PEM `FILE` that the console offers for the instance"},
		&cli.StringFlag{Name: "instance-server-name", Usage: "the `HOST` in the gateway's certificate, if not its own"},
		&cli.DurationFlag{Name: "timeout", Value: limit, Usage: "the longest `DURATION` of the call, including retries"},
	}
}

func targetOf(c *cli.Command) call.Target {
	return call.Target{
		EnvFile: c.String("env"), Region: c.String("region"), Network: c.String("network"),
		Endpoint: c.String("endpoint"), CACert: c.String("ca-cert"), ServerName: c.String("server-name"),
		Instance: c.String("instance"), InstanceEndpoint: c.String("instance-endpoint"),
		InstanceCACert: c.String("instance-ca-cert"), InstanceServerName: c.String("instance-server-name"),
		Timeout: c.Duration("timeout"),
	}
}
