package server_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// manual returns the reference of the configuration file.
func manual(t *testing.T) string {
	text, err := os.ReadFile("../docs/kms-configuration.md")
	require.NoError(t, err)
	return string(text)
}

var hclBlock = regexp.MustCompile("(?s)```hcl\n(.*?)```")

var storageBlock = regexp.MustCompile(`(?s)storage \{.*?\}`)

func TestTheManualsExampleIsAGoodConfigurationWithEveryField(t *testing.T) {
	blocks := hclBlock.FindAllStringSubmatch(manual(t), -1)
	require.Len(t, blocks, 3)
	example, node := blocks[0][1], blocks[1][1]
	_, err := server.LoadConfig(writeConfig(t, example))
	require.NoError(t, err)
	_, err = server.LoadConfig(writeConfig(t, storageBlock.ReplaceAllLiteralString(example, node)))
	require.NoError(t, err)
	// These exclude fields that the example has.
	left := map[string]bool{"plain_http": true, "inactive": true, "secret": true, "security_token": true}
	for _, name := range fieldNames(reflect.TypeFor[server.Config]()) {
		require.Contains(t, manual(t), name)
		if !left[name] {
			require.Regexp(t, `(?m)^\s*`+name+`\b`, example+node)
		}
	}
}

func TestTheManualsPermissionsAreGood(t *testing.T) {
	allowed := hclBlock.FindAllStringSubmatch(manual(t), -1)[2][1]
	restricted := "\"LTAIone\" {\nsecret_file = \"one\"\n" + allowed + "}"
	c, err := server.LoadConfig(writeConfig(t,
		strings.Replace(wholeConfig(t), `"LTAIone" { secret_file = "one" }`, restricted, 1)))
	require.NoError(t, err)
	require.Len(t, c.Accounts[0].AccessKeys[0].Allow, 3)
}

// fieldNames returns the names of the fields and blocks in a configuration, at all levels. Labels have no name.
func fieldNames(t reflect.Type) (names []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		name, kind, _ := strings.Cut(t.Field(i).Tag.Get("hcl"), ",")
		if name == "" {
			continue
		}
		if kind != "label" {
			names = append(names, name)
		}
		names = append(names, fieldNames(t.Field(i).Type)...)
	}
	return names
}

func TestTheManualNamesEveryParameterThatIsNotServed(t *testing.T) {
	for _, operation := range server.Operations() {
		for _, rule := range kmsapi.Describe(operation.NewRequest()) {
			switch rule.Support {
			case kmsapi.Refused:
				values := "none"
				if len(rule.OneOf) > 0 {
					values = "`" + strings.Join(rule.OneOf, "`, `") + "`"
				}
				require.Regexp(t, `(?m)^\|[^|]*\b`+string(operation)+`\b[^|]*\|[^|]*`+"`"+rule.Name+"`"+`[^|]*\| `+
					regexp.QuoteMeta(values), manual(t))
			case kmsapi.Harmless:
				require.Contains(t, manual(t), "`"+rule.Name+"` of "+string(operation)+" is ignored")
			}
		}
	}
}

func TestTheManualTellsTheRateClassOfEveryOperation(t *testing.T) {
	for _, operation := range server.Operations() {
		row := "(?m)^\\| `" + server.RateClass(operation) + "` \\|.*\\b" + string(operation) + "\\b"
		require.Regexp(t, row, manual(t))
	}
}
