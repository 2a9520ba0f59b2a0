package config_test

import (
	"strings"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func regionIDs() string { return strings.Join(kmsapi.RegionIDs(), ", ") }

func TestWhatIsSaidOfTheRestThatIsWrong(t *testing.T) {
	requireFaults(t, []fault{
		{
			"a region that does not exist", `"cn-beijing"`, `"mars-north-1"`,
			`kms.hcl:5: regions: "mars-north-1" is not in the API reference; the regions are ` + regionIDs(),
		},
		{
			"a default region that is not served", `default_region = "cn-shanghai"`, `default_region = "cn-qingdao"`,
			`kms.hcl:4: default_region: "cn-qingdao" is not among regions; the regions are cn-shanghai, cn-beijing`,
		},
		{
			"an address without a port", `127.0.0.1:0`, `127.0.0.1`,
			`kms.hcl:8: listener: address: "127.0.0.1" is not host:port, such as "127.0.0.1:8443"`,
		},
		{
			"a certificate without its key", `tls_key_file`, `#`,
			`kms.hcl:9: listener: tls_cert_file: it needs tls_key_file too`,
		},
		{
			"a version of TLS that is too old", `"1.2"`, `"1.1"`,
			`kms.hcl:12: listener: tls_max_version: "1.1" is not "1.2"; leave it out for the newest`,
		},
		{
			"TLS and plain HTTP", `tls_key_file `, "plain_http = true\ntls_key_file ",
			`kms.hcl:10: listener: plain_http: give either plain_http or TLS files, not both`,
		},
		{
			"a window that is no duration", `"5m"`, `"five"`,
			`kms.hcl:54: limits: timestamp_window: "five" is not a duration from 1s to 24h, such as "15m"`,
		},
		{
			"a negative limit", `= 1000`, `= -1`,
			`kms.hcl:55: limits: max_request_bytes: -100 is negative`,
		},
		{
			"a negative number of strangers", `per_address = 0`, `per_address = -1`,
			`kms.hcl:58: limits: max_unauthenticated_per_address: -1 is negative`,
		},
		{
			"an interval that is none", `"90m"`, `"1h30m"`,
			`kms.hcl:79: rotation: min_interval: "1h30m" is not an interval from 1s to 36500d, such as "7d"`,
		},
		{
			"an interval of nothing", `"90m"`, `"0s"`,
			`kms.hcl:79: rotation: min_interval: "0s" is not an interval from 1s to 36500d, such as "7d"`,
		},
		{
			"an interval of centuries", `"1h"`, `"36501d"`,
			`kms.hcl:78: rotation: min_version_interval: "36501d" is not an interval from 0d to 36500d, such as "7d"`,
		},
		{
			"intervals that exclude each other", `"36500d"`, `"1h"`,
			`kms.hcl:79: rotation: min_interval: 90m is more than max_interval, which is 1h`,
		},
		{
			"an interval above the default of the longest", `"90m"` + "\n  max_interval         = \"36500d\"", `"731d"`,
			`kms.hcl:79: rotation: min_interval: 731d is more than max_interval, which is 730d`,
		},
		{
			"a quota below -1", `aliases = -1`, `aliases = -2`,
			`kms.hcl:62: quotas: aliases: -2 is below -1; give a number, 0 for the default or -1 for no limit`,
		},
		{
			"a rate below -1", `list_tags  = -1`, `list_tags  = -5`,
			`kms.hcl:69: rate_limits: list_tags: -5 is below -1; give a number, 0 for the default or -1 for no limit`,
		},
		{
			"an operations address that others can reach", `127.0.0.1:9180`, `0.0.0.0:9180`,
			`kms.hcl:73: operations: address: "0.0.0.0:9180": this may listen on loopback only`,
		},
		{
			"a socket whose path is too long", `kms.sock`, strings.Repeat("x", 200),
			`kms.hcl:74: operations: socket: ` + strings.Repeat("x", 200) +
				` is too long for the path of a socket; set one of at most 86 bytes`,
		},
		{
			"a region that is misspelt", `"cn-beijing"]`, `"cn-beijng"]`,
			`kms.hcl:5: regions: "cn-beijng" is not in the API reference; did you mean "cn-beijing"? The regions are ` + regionIDs(),
		},
		{
			"a default region that is misspelt", `default_region = "cn-shanghai"`, `default_region = "cn-shangai"`,
			`kms.hcl:4: default_region: "cn-shangai" is not in the API reference; did you mean "cn-shanghai"? The regions are ` + regionIDs(),
		},
		{
			"a region in a list of several lines", `["cn-shanghai", "cn-beijing"]`, "[\n\"cn-shanghai\",\n\"mars\",\n]",
			`kms.hcl:7: regions: "mars" is not in the API reference; the regions are ` + regionIDs(),
		},
		{
			"a port that does not exist", `127.0.0.1:0`, `127.0.0.1:99999`,
			`kms.hcl:8: listener: address: "127.0.0.1:99999" is not host:port, such as "127.0.0.1:8443"`,
		},
		{
			"a key without its certificate", `tls_cert_file =`, `#`,
			`kms.hcl:10: listener: tls_key_file: it needs tls_cert_file too`,
		},
		{
			"no TLS, and not plain HTTP", "  tls_cert_file = \"tls.pem\"\n  tls_key_file  = \"tls.key\"\n", ``,
			`kms.hcl:7: listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear`,
		},
		{
			"an operations address without a port", `127.0.0.1:9180`, `9180`,
			`kms.hcl:73: operations: address: "9180" is not host:port, such as "127.0.0.1:9180"`,
		},
		{
			"an address for probes without a port", `0.0.0.0:9181`, `0.0.0.0`,
			`kms.hcl:75: operations: health_address: "0.0.0.0" is not host:port, such as "0.0.0.0:9181"`,
		},
	})
}
