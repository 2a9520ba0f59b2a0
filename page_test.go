package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestListIsReadInPages(t *testing.T) {
	r := newKeyRig(t, "c", "a", "d", "b")
	for name, c := range map[string]struct {
		query map[string]any
		want  []string
	}{
		"all":                               {nil, []string{"a", "b", "c", "d"}},
		"the first two":                     {map[string]any{"limit": "2"}, []string{"a", "b"}},
		"the next two":                      {map[string]any{"after": "b", "limit": "2"}, []string{"c", "d"}},
		"the rest":                          {map[string]any{"after": "c"}, []string{"d"}},
		"after a removed entry":             {map[string]any{"after": "bb", "limit": 1}, []string{"c"}},
		"before every entry":                {map[string]any{"after": "A"}, []string{"a", "b", "c", "d"}},
		"more than there are":               {map[string]any{"limit": "100"}, []string{"a", "b", "c", "d"}},
		"a limit of 0, which is none":       {map[string]any{"limit": "0"}, []string{"a", "b", "c", "d"}},
		"a limit of -1, as OpenBao has it":  {map[string]any{"limit": "-1"}, []string{"a", "b", "c", "d"}},
		"an empty start":                    {map[string]any{"after": "", "limit": "1"}, []string{"a"}},
		"with the command line's own query": {map[string]any{"list": "true", "limit": "1"}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, r.do(logical.ListOperation, "keys/", c.query).Data["keys"])
		})
	}
	require.Empty(t, r.do(logical.ListOperation, "keys/", map[string]any{"after": "d"}).Data["keys"])
	for _, limit := range []string{"many", "", "1.5"} {
		_, err := r.try(logical.ListOperation, "keys/", map[string]any{"limit": limit})
		refused(t, err, 400, "limit")
	}
}
