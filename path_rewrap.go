package alicloudkms

import "github.com/hashicorp/vault/sdk/framework"

func (b *backend) rewrapPaths() []*framework.Path { return nil }
