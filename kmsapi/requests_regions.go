package kmsapi

// OpDescribeRegions is DescribeRegions.
const OpDescribeRegions Operation = "DescribeRegions"

// DescribeRegionsRequest asks where KMS can be used (§4.22). It takes no parameters.
type DescribeRegionsRequest struct {
	answers[DescribeRegionsResponse]
}

// Operation returns [OpDescribeRegions].
func (*DescribeRegionsRequest) Operation() Operation { return OpDescribeRegions }

func (*DescribeRegionsRequest) visit(visitor) {}

// DescribeRegionsResponse lists the regions (§4.22).
type DescribeRegionsResponse struct {
	Reply
	Regions RegionList
}

// RegionList is the object around a list of regions on the wire.
type RegionList struct{ Region []RegionEntry }

// RegionEntry is one region in a list.
type RegionEntry struct{ RegionId string }
