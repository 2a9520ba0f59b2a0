package credentials

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aliyun/credentials-go/credentials/providers"
)

// A source is a place where the environment may have credentials.
type source struct {
	name, advice string
	// isSetUp reports whether the source has been set up. If so, no later one may replace it.
	isSetUp func() bool
	open    func() (providers.CredentialsProvider, error)
}

// profileSource is the name of the source that also has a region.
const profileSource = "the profile of the aliyun command (~/.aliyun/config.json, or ALIBABA_CLOUD_CONFIG_FILE)"

// sources are in the order in which they are tried.
var sources = []source{
	{
		name:    "the environment variable ALIBABA_CLOUD_ACCESS_KEY_ID",
		advice:  "set ALIBABA_CLOUD_ACCESS_KEY_SECRET with it, and ALIBABA_CLOUD_SECURITY_TOKEN if it is a temporary one",
		isSetUp: func() bool { return isSet("ALIBABA_CLOUD_ACCESS_KEY_ID") },
		open: func() (providers.CredentialsProvider, error) {
			return providers.NewEnvironmentVariableCredentialsProviderBuilder().Build()
		},
	},
	{
		name:   "the OIDC role of ALIBABA_CLOUD_ROLE_ARN",
		advice: "check the token file and the role's trust policy, and that STS can be reached over HTTPS",
		isSetUp: func() bool {
			return isSet("ALIBABA_CLOUD_ROLE_ARN") && isSet("ALIBABA_CLOUD_OIDC_PROVIDER_ARN") &&
				(isSet("ALIBABA_CLOUD_OIDC_TOKEN_FILE") || isSet("ALIBABA_CLOUD_OIDC_TOKEN"))
		},
		open: func() (providers.CredentialsProvider, error) {
			return providers.NewOIDCCredentialsProviderBuilder().WithRoleSessionName(defaultSessionName).Build()
		},
	},
	{
		name:   profileSource,
		advice: "check it with: aliyun sts GetCallerIdentity; or set ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true to leave it out",
		isSetUp: func() bool {
			return !isTrue("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") && hasFile("ALIBABA_CLOUD_CONFIG_FILE", ".aliyun/config.json")
		},
		open: func() (providers.CredentialsProvider, error) {
			if profilesLoop() {
				return nil, errNone
			}
			return providers.NewCLIProfileCredentialsProviderBuilder().Build()
		},
	},
	{
		name:    "the credentials file (~/.alibabacloud/credentials, or ALIBABA_CLOUD_CREDENTIALS_FILE)",
		advice:  "check its section, which is default unless ALIBABA_CLOUD_PROFILE names another, and its type",
		isSetUp: func() bool { return hasFile("ALIBABA_CLOUD_CREDENTIALS_FILE", ".alibabacloud/credentials") },
		open: func() (providers.CredentialsProvider, error) {
			return providers.NewProfileCredentialsProviderBuilder().Build()
		},
	},
	{
		name:    "the URI in ALIBABA_CLOUD_CREDENTIALS_URI",
		advice:  "it must answer with AccessKeyId, AccessKeySecret, SecurityToken and Expiration in JSON",
		isSetUp: func() bool { return isSet("ALIBABA_CLOUD_CREDENTIALS_URI") },
		open: func() (providers.CredentialsProvider, error) {
			return providers.NewURLCredentialsProviderBuilder().Build()
		},
	},
	{
		name:    "the ECS instance, which is tried last,",
		advice:  "if this is one, attach a RAM role to it; if not, the environment has no credentials",
		isSetUp: func() bool { return !isTrue("ALIBABA_CLOUD_ECS_METADATA_DISABLED") },
		open: func() (providers.CredentialsProvider, error) {
			return providers.NewECSRAMRoleCredentialsProviderBuilder().Build()
		},
	},
}

func isSet(variable string) bool { return os.Getenv(variable) != "" }

func isTrue(variable string) bool { return strings.EqualFold(os.Getenv(variable), "true") }

// hasFile reports whether the variable names a file, or the usual file exists below the home directory. A file that
// can't be read counts too.
func hasFile(variable, usual string) bool {
	if isSet(variable) {
		return true
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(home, usual))
	return !errors.Is(err, fs.ErrNotExist)
}
