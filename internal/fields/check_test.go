package fields

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// schemas have a field of each type, one in the query, and two of transit's.
func schemas() Schemas {
	return WithTransit(Schemas{
		"name":     {Type: framework.TypeString},
		"string":   {Type: framework.TypeString},
		"length":   {Type: framework.TypeString, DisplayAttrs: &framework.DisplayAttributes{EditType: OrNumber}},
		"bool":     {Type: framework.TypeBool},
		"int":      {Type: framework.TypeInt},
		"duration": {Type: framework.TypeDurationSecond},
		"map":      {Type: framework.TypeKVPairs},
		"list":     {Type: framework.TypeSlice},
		"time":     {Type: framework.TypeTime},
		"strings":  {Type: framework.TypeCommaStringSlice},
		"limit":    {Type: framework.TypeInt, Query: true},
		"default":  {Type: framework.TypeInt, Default: 7},
	}, "nonce", "version")
}

func TestFieldsGetTheirGoTypes(t *testing.T) {
	type object = map[string]any
	for name, c := range map[string]struct {
		given, want object
	}{
		"nothing":                   {nil, object{}},
		"a string":                  {object{"string": "1"}, object{"string": "1"}},
		"an empty string":           {object{"string": ""}, object{"string": ""}},
		"a number for a string":     {object{"length": json.Number("32")}, object{"length": "32"}},
		"a number over gRPC":        {object{"length": float64(32)}, object{"length": "32"}},
		"a string for a string":     {object{"length": "auto"}, object{"length": "auto"}},
		"a bool":                    {object{"bool": true}, object{"bool": true}},
		"a bool as a string":        {object{"bool": "false"}, object{"bool": false}},
		"an integer":                {object{"int": json.Number("5")}, object{"int": 5}},
		"an integer, in a plugin":   {object{"int": float64(-5)}, object{"int": -5}},
		"an integer as a string":    {object{"int": "5"}, object{"int": 5}},
		"a duration":                {object{"duration": "2m"}, object{"duration": 120}},
		"a duration in seconds":     {object{"duration": json.Number("9")}, object{"duration": 9}},
		"a map":                     {object{"map": object{"a": "1"}}, object{"map": map[string]string{"a": "1"}}},
		"a map as JSON":             {object{"map": `{"a":"1"}`}, object{"map": map[string]string{"a": "1"}}},
		"a map as one pair":         {object{"map": "a=1=2"}, object{"map": map[string]string{"a": "1=2"}}},
		"a map as pairs":            {object{"map": []any{"a=1", "b="}}, object{"map": map[string]string{"a": "1", "b": ""}}},
		"an empty map":              {object{"map": ""}, object{"map": map[string]string{}}},
		"a list":                    {object{"list": []any{"a"}}, object{"list": []any{"a"}}},
		"a list as JSON":            {object{"list": `["a",1]`}, object{"list": []any{"a", json.Number("1")}}},
		"a time":                    {object{"time": "1970-01-01T00:01:00Z"}, object{"time": int64(60)}},
		"a time in seconds":         {object{"time": json.Number("60")}, object{"time": int64(60)}},
		"strings":                   {object{"strings": "a,b"}, object{"strings": []string{"a", "b"}}},
		"strings as a list":         {object{"strings": []any{"a,b"}}, object{"strings": []string{"a,b"}}},
		"a null, which is no value": {object{"string": nil}, object{}},
		"null, which is no body":    {object{"null": ""}, object{}},
		"null, and a line break":    {object{"null\n": ""}, object{}},
	} {
		t.Run(name, func(t *testing.T) {
			checked, remarks, err := Check(schemas(), logical.UpdateOperation, c.given)
			require.NoError(t, err)
			require.Equal(t, c.want, checked)
			require.Zero(t, remarks)
		})
	}
}

func TestWrongFieldsAreRefusedWithoutTheirValues(t *testing.T) {
	for name, c := range map[string]struct {
		op    logical.Operation
		field string
		value any
		says  string
	}{
		"an unknown field": {
			logical.UpdateOperation, "x_y", "hidden",
			`unknown field "x_y"; the fields are bool, default,`,
		},
		"a misspelled field": {
			logical.UpdateOperation, "druation", "hidden",
			`unknown field "druation"; did you mean "duration"? The fields are bool, default,`,
		},
		"a field of the path in the body": {
			logical.UpdateOperation, "name", "hidden",
			`unknown field "name": it is part of the path; the fields are bool,`,
		},
		"a query field in the body": {logical.UpdateOperation, "limit", 1, `unknown field "limit"`},
		"a body field in the query": {
			logical.DeleteOperation, "string", "hidden",
			`unknown field "string"; the fields are limit`,
		},
		"list, but not in a list":    {logical.ReadOperation, "list", "true", `unknown field "list"`},
		"a number for a string":      {logical.UpdateOperation, "string", 5, `"string" must be a string`},
		"a string that is not UTF-8": {logical.UpdateOperation, "string", "hidden\xff", `"string" must be a string`},
		"a string for a bool":        {logical.UpdateOperation, "bool", "hidden", `"bool" must be true or false`},
		"a bool for an integer":      {logical.UpdateOperation, "int", true, `"int" must be an integer`},
		"a fraction for an integer":  {logical.UpdateOperation, "int", json.Number("1.5"), `"int" must be an integer`},
		"a fraction, in a plugin":    {logical.UpdateOperation, "int", 1.5, `"int" must be an integer`},
		"too much, in a plugin":      {logical.UpdateOperation, "int", 1e20, `"int" must be an integer`},
		"a fraction of a second":     {logical.UpdateOperation, "duration", 0.9, `"duration" must be a duration`},
		"nothing for a duration":     {logical.UpdateOperation, "duration", "", `"duration" must be a duration`},
		"a date for a time":          {logical.UpdateOperation, "time", "2030-01-01", `"time" must be a time`},
		"a string for a list":        {logical.UpdateOperation, "list", "hidden", `"list" must be a list`},
		"an empty string in a list": {
			logical.UpdateOperation, "strings", "hidden,,a",
			`"strings" must be a comma-separated list`,
		},
		"a number in a map": {
			logical.UpdateOperation, "map",
			map[string]any{"a": 5},
			`"map" must be a map of strings`,
		},
		"a name that comes twice": {
			logical.UpdateOperation, "map",
			[]any{"a=hidden", "a=2"},
			`"map" must be a map of strings`,
		},
		"a null in a map": {
			logical.UpdateOperation, "map",
			map[string]any{"a": nil},
			`"map" must be a map of strings`,
		},
		"a number in a patch": {
			logical.PatchOperation, "map",
			map[string]any{"a": 5},
			`"map" must be a map of strings`,
		},
		"a protection nobody gives": {logical.UpdateOperation, "version", 2, `"version" can't be used: a KMS key`},
		"a field of transit elsewhere": {
			logical.UpdateOperation, "padding_scheme", "hidden",
			`unknown field "padding_scheme"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Check(schemas(), c.op, map[string]any{c.field: c.value})
			require.ErrorContains(t, err, c.says)
			require.Equal(t, 400, refusal.Status(err))
			require.NotContains(t, err.Error(), "hidden")
			require.NotContains(t, err.Error(), "name,", "it is in the path")
		})
	}
}

func TestNullIsABodyOnlyAloneAndInAWrite(t *testing.T) {
	for name, c := range map[string]struct {
		op    logical.Operation
		given map[string]any
	}{
		"in a query":         {logical.DeleteOperation, map[string]any{"null": ""}},
		"with a value":       {logical.UpdateOperation, map[string]any{"null": "hidden"}},
		"with another field": {logical.UpdateOperation, map[string]any{"null": "", "string": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Check(schemas(), c.op, c.given)
			require.ErrorContains(t, err, `unknown field "null"`)
		})
	}
}

func TestNameOfAnUnknownFieldIsShownOnlyIfItLooksLikeOne(t *testing.T) {
	for name, shown := range map[string]bool{
		"a": true, "plain_text": true, strings.Repeat("x", 40): true,
		"aGVsbG8": false, "hidden text": false, "hidden9": false, "hidden-": false, "": false, strings.Repeat("x", 41): false,
	} {
		for _, op := range []logical.Operation{logical.UpdateOperation, logical.ReadOperation} {
			_, _, err := Check(schemas(), op, map[string]any{name: "hidden"})
			require.Equal(t, 400, refusal.Status(err))
			require.Equal(t, shown, strings.Contains(err.Error(), `"`+name+`"`), err)
			require.NotContains(t, err.Error(), "hidden")
		}
	}
}

func TestAPatchResetsWithNull(t *testing.T) {
	checked, _, err := Check(schemas(), logical.PatchOperation, map[string]any{
		"default": nil, "string": nil, "map": map[string]any{"a": nil, "b": "2"},
	})
	require.NoError(t, err)
	two := "2"
	require.Equal(t, map[string]any{"default": 7, "string": "", "map": MapPatch{"a": nil, "b": &two}}, checked)
	before := map[string]string{"a": "1", "c": "3"}
	require.Equal(t, map[string]string{"b": "2", "c": "3"}, checked["map"].(MapPatch).Apply(before))
	require.Equal(t, map[string]string{"a": "1", "c": "3"}, before)
}

func TestHarmlessFieldsOfTransitAreIgnoredWithAWarning(t *testing.T) {
	_, remarks, err := Check(schemas(), logical.UpdateOperation, map[string]any{"version": 1, "nonce": "any", "int": 5})
	require.NoError(t, err)
	require.Len(t, remarks.Warn(nil).Warnings, 1)
	require.Contains(t, remarks.Warn(nil).Warnings[0], "nonce, version")
	require.Nil(t, Remarks{}.Warn(nil))
}

func TestTheCommandLinesListIsIgnored(t *testing.T) {
	checked, _, err := Check(PageSchemas(), logical.ListOperation, map[string]any{"list": "true", "limit": "2"})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"limit": 2}, checked)
}

func TestFieldsThatNeedNoChangeAreNotCopied(t *testing.T) {
	given := map[string]any{"string": "a", "bool": true, "int": 5, "length": "auto"}
	schemas := schemas()
	allocations := testing.AllocsPerRun(10, func() {
		checked, _, err := Check(schemas, logical.UpdateOperation, given)
		require.NoError(t, err)
		delete(checked, "length") // It would stay in given if that had been copied.
	})
	require.Zero(t, allocations)
	require.NotContains(t, given, "length")
}

func TestFieldsThatAreChangedAreCopied(t *testing.T) {
	given := map[string]any{
		"string": " a\n", "int": float64(5), "bool": nil, "map": map[string]any{"a": "1"}, "length": "9",
	}
	before := maps.Clone(given)
	checked, _, err := Check(schemas(), logical.UpdateOperation, given)
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"string": "a", "int": 5, "map": map[string]string{"a": "1"}, "length": "9",
	}, checked)
	require.Equal(t, before, given)
}

func TestOfManyErrorsAndRemarksTheOrderIsThatOfNames(t *testing.T) {
	harmless := map[string]any{"version": 1, "nonce": "any", "map": "a=1,b=2"}
	for range 50 { // The order of a map differs each time.
		wrong := map[string]any{"a_b": 1, "int": "x", "string": 5, "x_y": 1, "z": 1, "version": 1, "bool": true}
		_, remarks, err := Check(schemas(), logical.UpdateOperation, wrong)
		require.ErrorContains(t, err, `unknown field "a_b"`)
		require.Zero(t, remarks)
		_, remarks, err = Check(schemas(), logical.UpdateOperation, harmless)
		require.NoError(t, err)
		require.Equal(t, Remarks{ignored: []string{"nonce", "version"}, joined: []string{"map"}}, remarks)
	}
}

func TestANullInAPatchOfAFieldOfTransitIsNoRemark(t *testing.T) {
	_, remarks, err := Check(schemas(), logical.PatchOperation, map[string]any{"nonce": nil})
	require.NoError(t, err)
	require.Zero(t, remarks)
}
