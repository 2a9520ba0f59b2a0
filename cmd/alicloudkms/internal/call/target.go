package call

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/environment"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Target says which KMS to call, and where the credentials are. What it leaves empty comes from variables: of EnvFile
// if that is set, and of this process otherwise, never of both. There is no field for a secret, because every user of a
// machine may see the arguments of a program.
type Target struct {
	// EnvFile is a file that `alicloudkms server -dev-env` or `alicloudkms init` has written, or one like it.
	EnvFile string
	// Region, Network, Endpoint and ServerName are as in [client.Config]; CACert is the name of a file.
	Region, Network, Endpoint, ServerName, CACert string
	// Instance is the id of a KMS instance whose dedicated gateway the call should use; the others are as in
	// [client.Instance], and InstanceCACert is the name of a file.
	Instance, InstanceEndpoint, InstanceServerName, InstanceCACert string
	// Timeout limits the whole call.
	Timeout time.Duration
}

// variables returns where the values of empty fields come from.
func (t Target) variables() (environment.Variables, error) {
	if t.EnvFile == "" {
		return os.Getenv, nil
	}
	return readEnvFile(t.EnvFile)
}

// Client returns a client of the target. version is that of this program, for the User-Agent header. It returns a
// [*UsageError] for a target that makes no sense.
func (t Target) Client(version string) (*client.Client, error) {
	env, err := t.variables()
	if err != nil {
		return nil, err
	}
	t = t.filledFrom(env)
	if err := t.check(); err != nil {
		return nil, err
	}
	config := client.Config{
		Region: t.Region, Network: kmsapi.Network(t.Network), Endpoint: t.Endpoint, TLSServerName: t.ServerName,
		UserAgent: "alicloudkms/" + version,
	}
	if config.CACert, err = environment.ReadCACert(t.CACert); err != nil {
		return nil, err
	}
	if t.Instance != "" {
		gateway := client.Instance{Endpoint: t.InstanceEndpoint, TLSServerName: t.InstanceServerName}
		if gateway.CACert, err = environment.ReadCACert(t.InstanceCACert); err != nil {
			return nil, err
		}
		config.Instances = map[string]client.Instance{t.Instance: gateway}
	}
	if config.Credentials, err = t.credentials(env); err != nil {
		return nil, err
	}
	kms, err := client.New(config)
	if err != nil {
		return nil, blame(err)
	}
	return kms.Instance(t.Instance), nil
}

// filledFrom returns t with its empty fields set from variables. Those of an instance are used only if t names one, and
// only for that: programs that call the shared gateway have them set too.
func (t Target) filledFrom(env environment.Variables) Target {
	t.Region = cmp.Or(t.Region, env("ALICLOUD_REGION"), env("ALIBABA_CLOUD_REGION_ID"))
	if t.Region == "" && t.EnvFile == "" && env("ALICLOUD_ACCESS_KEY") == "" {
		t.Region = credentials.ProfileRegion()
	}
	t.Region = cmp.Or(t.Region, kmsapi.DefaultRegion)
	t.Endpoint = cmp.Or(t.Endpoint, env.Endpoint())
	t.CACert = cmp.Or(t.CACert, env.CAFile())
	if t.EnvFile != "" { // Otherwise the standard library reads it.
		t.CACert = cmp.Or(t.CACert, env("SSL_CERT_FILE"))
	}
	endpoint, ca := env.Dedicated(t.Instance)
	t.InstanceEndpoint, t.InstanceCACert = cmp.Or(t.InstanceEndpoint, endpoint), cmp.Or(t.InstanceCACert, ca)
	return t
}

// check refuses fields about an instance that would be ignored, and an instance without the CA that a client needs.
func (t Target) check() error {
	switch {
	case t.Instance == "" && cmp.Or(t.InstanceEndpoint, t.InstanceServerName, t.InstanceCACert) != "":
		return usagef("flags about the gateway of a KMS instance need -instance ID")
	case t.Instance != "" && t.InstanceCACert == "":
		return usagef("-instance %s needs -instance-ca-cert FILE, which the console offers", t.Instance)
	default:
		return nil
	}
}

// credentials returns those of the variables, or else what package credentials finds. A file of variables must have
// them itself.
func (t Target) credentials(env environment.Variables) (client.Provider, error) {
	provider, err := env.Credentials(environment.Caller{
		OfProcess: t.EnvFile == "", Region: t.Region, Network: kmsapi.Network(t.Network), SessionName: "alicloudkms",
	})
	if errors.Is(err, environment.ErrNoAccessKey) {
		return nil, fmt.Errorf("%s %w", t.EnvFile, err)
	}
	return provider, err
}
