package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/jmespath/go-jmespath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// aliyunName is the name under which the test binary replaces Alibaba Cloud's command line, which no package installs.
// Like the real one, it makes a common request of alibaba-cloud-sdk-go, with all parameters in its query.
const aliyunName = "aliyun"

// An aliyunCall is what the arguments `kms OPERATION --NAME VALUE…` ask for.
type aliyunCall struct {
	op                      kmsapi.Operation
	endpoint, region, query string
	params                  map[string]string
}

func aliyunMain(args []string) (status int) {
	call, err := parseAliyun(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR:", err)
		return 2
	}
	if err := call.run(); err != nil {
		fmt.Fprintln(os.Stderr, "ERROR:", err)
		return 1
	}
	return 0
}

func parseAliyun(args []string) (aliyunCall, error) {
	if len(args) < 2 || args[0] != "kms" || len(args)%2 != 0 {
		return aliyunCall{}, errors.New("these are not the arguments: kms OPERATION --NAME VALUE…")
	}
	call := aliyunCall{op: kmsapi.Operation(args[1]), params: map[string]string{}}
	own := map[string]*string{"endpoint": &call.endpoint, "region": &call.region, "cli-query": &call.query}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		name, dashed := strings.CutPrefix(rest[0], "--")
		value := rest[1]
		if flag := own[name]; flag != nil {
			*flag = value
			continue
		}
		name, isFile := strings.CutSuffix(name, "-FILE")
		if !dashed || !call.op.Takes(name) {
			return aliyunCall{}, fmt.Errorf("'%s' is not a valid parameter or flag", rest[0])
		}
		if isFile {
			content, err := os.ReadFile(value)
			if err != nil {
				return aliyunCall{}, err
			}
			value = string(content)
		}
		call.params[name] = value
	}
	return call, nil
}

func (c aliyunCall) run() error {
	credential := credentials.NewAccessKeyCredential(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
	client, err := sdk.NewClientWithOptions(c.region, sdk.NewConfig(), credential)
	if err != nil {
		return err
	}
	request := requests.NewCommonRequest()
	request.Product, request.Version, request.ApiName = "Kms", kmsapi.Version, string(c.op)
	request.Scheme, request.Method, request.Domain, request.RegionId = "https", "POST", c.endpoint, c.region
	request.QueryParams = c.params
	response, err := client.ProcessCommonRequest(request)
	if err != nil {
		return err
	}
	return c.print(response.GetHttpContentBytes())
}

// print writes an answer, or what the query finds in it, as JSON.
func (c aliyunCall) print(answer []byte) error {
	if c.query != "" {
		var whole any
		if err := json.Unmarshal(answer, &whole); err != nil {
			return err
		}
		found, err := jmespath.Search(c.query, whole)
		if err != nil {
			return err
		}
		if answer, err = json.Marshal(found); err != nil {
			return err
		}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, answer, "", "\t"); err != nil {
		return err
	}
	fmt.Println(indented.String())
	return nil
}
