// Package environment reads the variables that tell a command which KMS to call, and with which credentials, unless
// something else does. They are those that `alicloudkms server -dev-env` and `alicloudkms init` write for clients.
//
// Variables that the standard library reads itself are not here: SSL_CERT_FILE, with the authorities to trust, and
// HTTPS_PROXY, with the proxy.
package environment

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Variables returns the value of a variable, and "" for one that is not set. [os.Getenv] is one.
type Variables func(name string) string

// Endpoint is the endpoint of the shared gateway, and "" for that of the region.
func (v Variables) Endpoint() string { return v("ALICLOUD_DOMAIN") }

// CAFile is the name of the file with the only authorities to trust for the shared gateway, and "" for those of the
// system. Unlike SSL_CERT_FILE, it means nothing to other programs, such as the caller of a plugin, and it works on
// macOS.
func (v Variables) CAFile() string { return v("ALICLOUD_KMS_CA") }

// UsesDedicated reports whether to call the dedicated gateway of a KMS instance, rather than the shared one.
func (v Variables) UsesDedicated() (bool, error) {
	switch v("ALICLOUD_KMS_GATEWAY") {
	case "", "shared":
		return false, nil
	case "dedicated":
		return true, nil
	default:
		return false, errors.New("ALICLOUD_KMS_GATEWAY must be shared or dedicated")
	}
}

// Instance is the id of the KMS instance that the variables are about, and "" if there is none.
func (v Variables) Instance() string { return v("ALICLOUD_KMS_INSTANCE_ID") }

// Dedicated returns the endpoint of the dedicated gateway of a KMS instance, and the name of the file with its CA. They
// are "" unless the variables are about that instance.
func (v Variables) Dedicated(instance string) (endpoint, caFile string) {
	if instance == "" || instance != v.Instance() {
		return "", ""
	}
	return v("ALICLOUD_KMS_INSTANCE_ENDPOINT"), v("ALICLOUD_KMS_INSTANCE_CA")
}

// ErrNoAccessKey means that variables other than those of this process have no access key.
var ErrNoAccessKey = errors.New("sets no ALICLOUD_ACCESS_KEY")

// Caller is what a program adds to the variables about its identity.
type Caller struct {
	// OfProcess says that the variables are those of this process. If they have no access key, package credentials looks
	// for credentials elsewhere in the environment.
	OfProcess bool
	// Region and Network choose the STS to ask for the role, if there is one.
	Region  string
	Network kmsapi.Network
	// SessionName is the name of the role's sessions, if no variable has one.
	SessionName string
}

// Credentials returns the credentials of the variables, or else what package credentials finds in the environment. No
// error shows a value.
func (v Variables) Credentials(c Caller) (client.Provider, error) {
	static, err := v.accessKey(c.OfProcess)
	if err != nil {
		return nil, err
	}
	role := credentials.Role{
		ARN: v("ALICLOUD_ROLE_ARN"), SessionName: cmp.Or(v("ALICLOUD_ROLE_SESSION_NAME"), c.SessionName),
		Region: c.Region, Network: c.Network,
	}
	return credentials.New(credentials.Config{Static: static, UseEnvironment: c.OfProcess, Role: role})
}

// accessKey returns the access key in the variables that the seal reads too. Alibaba Cloud's own names are left to
// package credentials, which reads only those of the process.
func (v Variables) accessKey(ofProcess bool) (static client.Static, err error) {
	static.AccessKeyID = v("ALICLOUD_ACCESS_KEY")
	secret, token := v("ALICLOUD_SECRET_KEY"), v("ALICLOUD_ACCESS_KEY_STS_TOKEN")
	if static.AccessKeyID == "" && !ofProcess {
		static.AccessKeyID = v("ALIBABA_CLOUD_ACCESS_KEY_ID")
		secret, token = v("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), v("ALIBABA_CLOUD_SECURITY_TOKEN")
	}
	if static.AccessKeyID == "" && !ofProcess {
		return static, ErrNoAccessKey
	}
	if static.AccessKeySecret, err = secretWord(secret); err != nil {
		return static, err
	}
	static.SecurityToken, err = secretWord(token)
	return static, err
}

func secretWord(value string) (kmsapi.Secret, error) {
	word, err := input.Word(value)
	if err != nil {
		return kmsapi.Secret{}, fmt.Errorf("the secret of the access key %w", err)
	}
	return kmsapi.NewSecret(word), nil
}

// ReadCACert returns the content of a file with certificates, and "" for no file.
func ReadCACert(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	content, err := input.ReadFile(path)
	if err == nil && !strings.Contains(string(content), "-----BEGIN CERTIFICATE-----") {
		err = fmt.Errorf("%s holds no PEM certificate", path)
	}
	return string(content), err
}
