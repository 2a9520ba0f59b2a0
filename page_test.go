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
		"the first two":                     {body{"limit": "2"}, []string{"a", "b"}},
		"the next two":                      {body{"after": "b", "limit": "2"}, []string{"c", "d"}},
		"the rest":                          {body{"after": "c"}, []string{"d"}},
		"after a removed entry":             {body{"after": "bb", "limit": 1}, []string{"c"}},
		"before every entry":                {body{"after": "A"}, []string{"a", "b", "c", "d"}},
		"more than there are":               {body{"limit": "100"}, []string{"a", "b", "c", "d"}},
		"a limit of 0, which is none":       {body{"limit": "0"}, []string{"a", "b", "c", "d"}},
		"a limit of -1, as OpenBao has it":  {body{"limit": "-1"}, []string{"a", "b", "c", "d"}},
		"an empty start":                    {body{"after": "", "limit": "1"}, []string{"a"}},
		"with the command line's own query": {body{"list": "true", "limit": "1"}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, r.do(logical.ListOperation, "keys/", c.query).Data["keys"])
		})
	}
	require.Empty(t, r.do(logical.ListOperation, "keys/", body{"after": "d"}).Data["keys"])
	for _, limit := range []string{"many", "", "1.5"} {
		_, err := r.try(logical.ListOperation, "keys/", body{"limit": limit})
		refused(t, err, 400, "limit")
	}
}
