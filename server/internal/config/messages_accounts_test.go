package config_test

import (
	"testing"
)

func TestWhatIsSaidOfAccountsThatAreWrong(t *testing.T) {
	requireFaults(t, []fault{
		{
			"an account that is not a number", `"1000000000000001"`, `"acme"`,
			`kms.hcl:17: account "acme": an account's id is a number, such as "1000000000000001"` + "\n" +
				`kms.hcl:39: instance "kst-shh1": account: there is no block for account "1000000000000001"`,
		},
		{
			"an access key with two secrets", `secret   =`, "secret_file = \"x\"\nsecret   =",
			`kms.hcl:21: account "1000000000000001": access_key "LTAItwo": secret: give secret_file or secret, not both`,
		},
		{
			"an access key twice", `LTAItwo`, `LTAIone`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAIone": it is defined twice, first in line 18`,
		},
		{
			"an access key that ends with a line break", `LTAItwo`, `LTAItwo\n`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAItwo\n": its id has white space at an end, or a control character inside`,
		},
		{
			"an access key with a tab inside", `LTAItwo`, `LTAI\ttwo`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAI\ttwo": its id has white space at an end, or a control character inside`,
		},
		{
			"an action that does not exist", `"kms:Encrypt"`, `"kms:Encypt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "kms:Encypt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"an action of another service", `"kms:Encrypt"`, `"ecs:*"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "ecs:*" is not an action of this service; they look like "kms:Encrypt"`,
		},
		{
			"a resource of another service", `acs:kms:cn-shanghai`, `acs:ecs:cn-shanghai`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "acs:ecs:cn-shanghai:*:key/*" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"a resource with parts left out", `acs:kms:cn-shanghai:*:key/*`, `acs:kms:*`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "acs:kms:*" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"a resource that is a key id", `acs:kms:cn-shanghai:*:key/*`, `08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"an allow block without resources", `["acs:kms:cn-shanghai:*:key/*"]`, `[]`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: give at least one, such as "*"`,
		},
		{
			"a time that is none", `"2030-12-31T23:59:59Z"`, `"tomorrow"`,
			`kms.hcl:30: account "1000000000000001": access_key "STS.three": expires: "tomorrow" is not a time such as "2030-12-31T23:59:59Z"`,
		},
		{
			"an end for an access key without a token", `security_token = "fourth"`, `expires = "2030-12-31T23:59:59Z"`,
			`kms.hcl:34: account "1000000000000001": access_key "STS.four": expires: it is for access keys with a security_token; use inactive = true to turn this one off`,
		},
		{
			"two tokens", `security_token_file`, "security_token = \"x\"\nsecurity_token_file",
			`kms.hcl:29: account "1000000000000001": access_key "STS.three": security_token: give security_token_file or security_token, not both`,
		},
		{
			"an action without its service", `"kms:Encrypt"`, `"Encrypt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "Encrypt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"an action that is misspelt", `"kms:Encrypt"`, `"kms:Encrpyt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "kms:Encrpyt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"an account twice", `instance "kst`, "account \"1000000000000001\" {}\ninstance \"kst",
			`kms.hcl:37: account "1000000000000001": it is defined twice, first in line 17`,
		},
		{
			"an access key without a secret", `{ secret_file = "one" }`, `{}`,
			`kms.hcl:18: account "1000000000000001": access_key "LTAIone": it has no secret; give secret_file, or secret`,
		},
		{
			"an access key without an id", `"LTAIone"`, `""`,
			`kms.hcl:18: account "1000000000000001": access_key: its id is empty`,
		},
	})
}
