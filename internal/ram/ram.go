// Package ram calls the API of RAM, version 2015-05-01, about the access keys of the RAM user whose access key signs
// the requests: none of them names a user. It repeats no request.
package ram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/cloudcall"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// version is the version of the API.
const version = "2015-05-01"

// The endpoints of RAM, which has none per region.
const (
	publicEndpoint = "ram.aliyuncs.com"
	vpcEndpoint    = "ram.vpc-proxy.aliyuncs.com"
)

// The statuses of an access key.
const (
	Active   = "Active"
	Inactive = "Inactive"
)

// Config is where RAM is, and what requests are signed with.
type Config struct {
	// Network chooses the endpoint, and Endpoint overrides that choice. It has the form of [client.Config.Endpoint].
	Network  kmsapi.Network
	Endpoint string
	// CACert has authorities to trust in addition to those of the system, in PEM.
	CACert string
	// Credentials are an access key of the RAM user.
	Credentials client.Credentials
	// Clock tells the time.
	Clock func() time.Time
}

// A Client calls RAM.
type Client struct {
	Config
	url       *url.URL
	transport http.RoundTripper
}

// New returns a client, without I/O. Its error ends a sentence that begins with the endpoint.
func New(c Config) (*Client, error) {
	endpoint := publicEndpoint
	if c.Network == kmsapi.NetworkVPC {
		endpoint = vpcEndpoint
	}
	u, err := client.ParseEndpoint(cmp.Or(c.Endpoint, endpoint))
	if err != nil {
		return nil, err
	}
	return &Client{Config: c, url: u, transport: cloudcall.NewTransport(c.CACert, nil)}, nil
}

// An AccessKey is what RAM shows of an access key.
type AccessKey struct {
	AccessKeyId string
	// Status is [Active] or [Inactive].
	Status string
	// CreateDate is when it was made, as RAM writes it.
	CreateDate string
}

// A NewAccessKey has the secret, which RAM shows only once.
type NewAccessKey struct {
	AccessKey
	AccessKeySecret kmsapi.Secret
}

// ListAccessKeys returns all access keys of the user.
func (c *Client) ListAccessKeys(ctx context.Context) ([]AccessKey, error) {
	var answer struct {
		AccessKeys struct{ AccessKey []AccessKey }
	}
	err := c.call(ctx, "ListAccessKeys", nil, &answer)
	return answer.AccessKeys.AccessKey, err
}

var errNoKey = errors.New("the answer has no access key; check the endpoint of RAM")

// CreateAccessKey makes an access key for the user. After an error for which [SurelyNotDone] reports false, it is
// unknown whether it did.
func (c *Client) CreateAccessKey(ctx context.Context) (NewAccessKey, error) {
	const action = "CreateAccessKey"
	var answer struct{ AccessKey NewAccessKey }
	if err := c.call(ctx, action, nil, &answer); err != nil {
		return NewAccessKey{}, err
	}
	if answer.AccessKey.AccessKeyId == "" || answer.AccessKey.AccessKeySecret.IsEmpty() {
		return NewAccessKey{}, c.noAnswer(action, errNoKey)
	}
	return answer.AccessKey, nil
}

// UpdateAccessKey gives an access key of the user another status.
func (c *Client) UpdateAccessKey(ctx context.Context, id, status string) error {
	return c.call(ctx, "UpdateAccessKey", kmsapi.Params{
		{Name: "UserAccessKeyId", Value: id}, {Name: "Status", Value: status},
	}, nil)
}

// DeleteAccessKey deletes an access key of the user.
func (c *Client) DeleteAccessKey(ctx context.Context, id string) error {
	return c.call(ctx, "DeleteAccessKey", kmsapi.Params{{Name: "UserAccessKeyId", Value: id}}, nil)
}

var errGarbage = errors.New("the answer did not come from RAM; check the endpoint of RAM")

// call sends a request and reads what answer has fields for, unless that is nil.
func (c *Client) call(ctx context.Context, action string, params kmsapi.Params, answer any) error {
	req, err := c.sign(ctx, action, params)
	if err != nil {
		return c.noAnswer(action, err)
	}
	got, err := cloudcall.Send(ctx, c.transport, req)
	if err != nil {
		return c.noAnswer(action, err)
	}
	if got.Status != http.StatusOK {
		return c.refused(action, got)
	}
	var named struct{ RequestId string }
	if json.Unmarshal(got.Body, &named) != nil || named.RequestId == "" {
		return c.noAnswer(action, errGarbage)
	}
	if answer != nil && json.Unmarshal(got.Body, answer) != nil {
		return c.noAnswer(action, errGarbage)
	}
	return nil
}
