package kmskeys

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReferencesNameAKeyAndWhatElseIsToBeSaid(t *testing.T) {
	const arn = "acs:kms:cn-hangzhou:1000000000000001:key/key-hzz1"
	for text, want := range map[string]reference{
		"cn-hangzhou/key-hzz1":           {region: "cn-hangzhou", key: "key-hzz1"},
		"cn-hangzhou/alias/team/release": {region: "cn-hangzhou", key: "alias/team/release"},
		"cn-hangzhou/" + arn:             {region: "cn-hangzhou", key: arn},
		"cn-hangzhou/alias/x?":           {region: "cn-hangzhou", key: "alias/x"},
		"r/alias/x?instance=kst-1&algorithm=rsa-sign-pss-3072-sha256&version=key-hzz1-abc": {
			region: "r", key: "alias/x", version: "key-hzz1-abc", instance: "kst-1", algorithm: &algorithms[5],
		},
	} {
		got, err := parseReference(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestAReferenceWithoutOneMeaningIsRefused(t *testing.T) {
	for text, says := range map[string]string{
		"":                                             "is named alicloudkms://REGION/KEY",
		"cn-hangzhou":                                  "is named",
		"cn-hangzhou/":                                 "is named",
		"/alias/x":                                     "is named",
		"CN-Hangzhou/alias/x":                          "is named",
		"cn-hangzhou/alias/":                           "is named",
		"cn-hangzhou/release":                          "", // An id may have any letters.
		"cn-hangzhou/a/b":                              "is named",
		"cn-hangzhou/alias/x\n":                        "is named",
		"cn-hangzhou/alias/x y":                        "is named",
		"cn-hangzhou/alias/é":                          "is named",
		"cn-hangzhou/key/versions/1":                   "is named",
		"r/alias/x?version=%zz":                        "is named",
		"r/alias/x?a=1;b=2":                            "is named",
		"r/alias/x?version=":                           "must be the id of one of its versions",
		"r/alias/x?version=a%0ab":                      "must be the id of one of its versions",
		"r/alias/x?version=a&version=b":                `more than one "version"`,
		"r/alias/x?instance=kst/1":                     "must be the id of a KMS instance",
		"r/alias/x?algorithm=ed25519":                  "KMS has no keys of the algorithm",
		"r/alias/x?Version=a":                          `did you mean "version"?`,
		"r/acs:kms:s:1:key/x":                          "is of a key in s, and the region before it is r",
		"r/acs:kms:r:1:alias/x":                        "is named",
		"r/alias/" + strings.Repeat("x", maxKey):       "is named",
		"r/x?version=" + strings.Repeat("x", 1+maxKey): "must be the id",
	} {
		_, err := parseReference(text)
		if says == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, says, text)
		}
	}
}
