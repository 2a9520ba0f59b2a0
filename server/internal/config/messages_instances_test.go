package config_test

import (
	"testing"
)

func TestWhatIsSaidOfInstancesThatAreWrong(t *testing.T) {
	requireFaults(t, []fault{
		{
			"an instance whose id is not one", `"kst-shh1"`, `"shh1"`,
			`kms.hcl:37: instance "shh1": its id does not look like "kst-hzz62f1cb66fa42qo7p3x", with at least three letters`,
		},
		{
			"an instance of a kind that does not exist", `"hardware"`, `"firmware"`,
			`kms.hcl:38: instance "kst-shh1": kind: "firmware" is neither "software" nor "hardware"`,
		},
		{
			"an instance of an account that does not exist", `account         = "1`, `account         = "2`,
			`kms.hcl:39: instance "kst-shh1": account: there is no block for account "2000000000000001"`,
		},
		{
			"an instance in a region that is not served", `region          = "cn-beijing"`, `region = "cn-qingdao"`,
			`kms.hcl:40: instance "kst-shh1": region: "cn-qingdao" is not among regions; the regions are cn-shanghai, cn-beijing`,
		},
		{
			"an image that is not a version", `"2.3.0"`, `"latest"`,
			`kms.hcl:43: instance "kst-shh1": image: "latest" is not a version such as "3.2.0"`,
		},
		{
			"an instance with a negative spec", `= 2000`, `= -1`,
			`kms.hcl:44: instance "kst-shh1": spec: -1 is negative`,
		},
		{
			"a status that does not exist", `"Connecting"`, `"Confused"`,
			`kms.hcl:45: instance "kst-shh1": status: "Confused" is not one of [Uninitialized Connecting Connected Disconnected Error]`,
		},
		{
			"a listener of an instance without TLS", `plain_http = true`, ``,
			`kms.hcl:47: instance "kst-shh1": listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear`,
		},
		{
			"an instance twice", `audit  {`, "instance \"kst-shh1\" {\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {",
			`kms.hcl:52: instance "kst-shh1": it is defined twice, first in line 37`,
		},
		{
			"two default instances", `audit  {`,
			"instance \"kst-shh2\" {\nregion = \"cn-beijing\"\ndefault = true\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {",
			`kms.hcl:54: instance "kst-shh2": default: account "1000000000000001" already has a default instance in cn-beijing`,
		},
	})
}
