package config_test

import (
	"testing"
)

func TestWhatIsSaidOfAFileThatIsNotInForm(t *testing.T) {
	requireFaults(t, []fault{
		{
			"an unknown field", `address `, `adress `,
			`kms.hcl:7: Missing required argument; The argument "address" is required, but no definition was found.` + "\n" +
				`kms.hcl:8: Unsupported argument; An argument named "adress" is not expected here. Did you mean "address"?`,
		},
		{
			"an unknown block", `audit  {`, `audits {`,
			`kms.hcl:52: Unsupported block type; Blocks of type "audits" are not expected here. Did you mean "audit"?`,
		},
		{
			"a block that is not closed", `audit  {`, `audit  {{`,
			`kms.hcl:52: Argument or block definition required; An argument or block definition is required here.`,
		},
		{
			"a block that is left out", `root_key { file = "root.key" }`, ``,
			`kms.hcl:1: Missing root_key block; A root_key block is required.`,
		},
		{
			"a store that is misspelt", `storage  { path`, `storge { path`,
			`kms.hcl:14: Unsupported block type; Blocks of type "storge" are not expected here. Did you mean "storage"?`,
		},
		{
			"a field that is left out", `address       = "127.0.0.1:0"`, ``,
			`kms.hcl:7: Missing required argument; The argument "address" is required, but no definition was found.`,
		},
		{
			"a number that is text", `spec            = 2000`, `spec = "many"`,
			`kms.hcl:44: Unsuitable value type; Unsuitable value: a number is required`,
		},
		{
			"a name without quotation marks", `"one"`, `one`,
			`kms.hcl:18: Variables not allowed; Variables may not be used here.` + "\n" +
				`kms.hcl:18: Unsuitable value type; Unsuitable value: value must be known`,
		},
		{
			"a secret with a variable in it", `"two"`, `"two${x}"`,
			`kms.hcl:20: Variables not allowed; Variables may not be used here.` + "\n" +
				`kms.hcl:20: Unsuitable value type; Unsuitable value: value must be known`,
		},
		{
			"a block that is misspelt", `account "1000000000000001"`, `accont "1000000000000001"`,
			`kms.hcl:17: Unsupported block type; Blocks of type "accont" are not expected here. Did you mean "account"?`,
		},
		{
			"a field that resembles none", `"two"`, "12\nfoo = 1",
			`kms.hcl:21: Unsupported argument; An argument named "foo" is not expected here.`,
		},
	})
}
