#!/usr/bin/env python3
"""Write testdata/made: every envelope, odd record and broken file that trailql must cope with.

Everything here is invented: account 111122223333, addresses of the documentation ranges, role names. The same
script always writes the same content; `make.py --check` fails where the folder differs. MANIFEST.tsv says what each
file holds, for the tests.
"""
import copy, gzip, json, pathlib, sys, uuid, zlib

HERE = pathlib.Path(__file__).parent
ACCOUNT, REGION, ROLE = "111122223333", "us-east-1", "arn:aws:iam::111122223333:role/auditor"
SPACE = uuid.UUID("6b1d1c5e-3f0e-5b1a-9a57-000000000000")
FILES, MANIFEST = {}, []


def ident(name):
    """A stable GUID for one name."""
    return str(uuid.uuid5(SPACE, name))


def event(key, **change):
    """One management event of version 1.11; `change` replaces members, and drops those set to ..."""
    e = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAEXAMPLEEXAMPLE001:session",
            "arn": "arn:aws:sts::111122223333:assumed-role/auditor/session", "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLEEXAMPLE01",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLEEXAMPLE001", "arn": ROLE,
                                  "accountId": ACCOUNT, "userName": "auditor"},
                "attributes": {"creationDate": "2024-03-01T08:00:00Z", "mfaAuthenticated": "false"}}},
        "eventTime": "2024-03-01T08:15:30Z", "eventSource": "s3.amazonaws.com", "eventName": "GetBucketPolicy",
        "awsRegion": REGION, "sourceIPAddress": "192.0.2.10", "userAgent": "aws-cli/2.15.0",
        "requestParameters": {"bucketName": "example-bucket", "policy": ""}, "responseElements": None,
        "requestID": ident(key + "/request"), "eventID": ident(key), "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::example-bucket"}],
        "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                       "clientProvidedHostHeader": "example-bucket.s3.amazonaws.com"},
    }
    e.update(copy.deepcopy(change))
    return {k: v for k, v in e.items() if v is not ...}


def text(value, **how):
    """JSON text, minified unless told otherwise."""
    return json.dumps(value, **({"separators": (",", ":")} | how))


def pack(data):
    """One gzip member without a time stamp."""
    return gzip.compress(data.encode() if isinstance(data, str) else data, 9, mtime=0)


def put(name, data, events=0, distinct=None, rejected=0, outcome="read", note=""):
    """Plans one file and its line of the manifest."""
    FILES[name] = data.encode() if isinstance(data, str) else data
    MANIFEST.append((name, events, events if distinct is None else distinct, rejected, outcome, note))


def envelopes():
    """The same kind of event in everything that it is delivered in."""
    def some(name, n=3):
        return [event(f"{name}/{i}", eventTime=f"2024-03-01T08:15:{i:02}Z") for i in range(n)]

    e = some("records")
    put("envelopes/records.json", text({"Records": e}), 3)
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2024/03/01/{ACCOUNT}_CloudTrail_{REGION}_20240301T0820Z_"
    e = some("delivered") + [event("delivered/late", eventTime="2024-02-29T23:59:59Z")]
    put(f"envelopes/{folder}ExampleExample01.json.gz", pack(text({"Records": e})), 4, note="one event of the day before")
    put(f"envelopes/{folder}ExampleExample02.json.gz", pack(text({"Records": e[:2]})), 2, note="delivered a second time")
    put("envelopes/lines.jsonl", "".join(text(e) + "\n" for e in some("lines")), 3)
    put("envelopes/lines-crlf-no-end.log", "\r\n\r\n".join(map(text, some("lines-crlf"))), 3, note="CRLF, blank lines")
    put("envelopes/lines-of-records.jsonl",
        text({"Records": some("lor-a")}) + "\n" + text({"Records": some("lor-b")}) + "\n", 6)
    put("envelopes/array.json", text(some("array")), 3)
    put("envelopes/single.json", text(event("single")), 1)
    put("envelopes/pretty.json", text({"Records": some("pretty")}, indent=4), 3)
    put("envelopes/pretty-single.json", text(event("pretty-single"), indent=2), 1)
    put("envelopes/extra-members.json", text({"meta": [1, {"Records": 2}], "Records": some("extra"), "after": None}), 3)
    put("envelopes/byte-order-mark.json", b"\xef\xbb\xbf" + text({"Records": some("bom")}).encode(), 3)
    whole = text({"Records": some("members")}).encode()
    cut = len(whole) // 3
    put("envelopes/members.json.gz", pack(whole[:cut]) + pack(whole[cut:2 * cut]) + pack(whole[2 * cut:]), 3,
        note="one document over three gzip members")
    put("envelopes/gzip-without-the-name.json", pack(text({"Records": some("unnamed")})), 3, note="gzip, name says JSON")
    put("envelopes/plain-with-the-name.json.gz", text({"Records": some("misnamed")}), 3, note="JSON, name says gzip")
    put("envelopes/empty-records.json", '{"Records":[]}', 0)
    put("envelopes/lookup-events.json", text({"Events": [
        {"EventId": e["eventID"], "EventName": e["eventName"], "ReadOnly": "true",
         "AccessKeyId": "ASIAEXAMPLEEXAMPLE01", "EventTime": "2024-03-01T09:15:00+01:00",
         "EventSource": e["eventSource"], "Username": "session",
         "Resources": [{"ResourceType": "AWS::S3::Bucket", "ResourceName": "example-bucket"}],
         "CloudTrailEvent": text(e)} for e in some("lookup")]}, indent=4), 3)
    put("envelopes/lookup-events.jsonl", "".join(
        text({"EventId": e["eventID"], "CloudTrailEvent": text(e)}) + "\n" for e in some("lookup-lines")), 3)
    put("envelopes/eventbridge.json", text({
        "version": "0", "id": ident("bridge/envelope"), "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.s3", "account": ACCOUNT, "time": "2024-03-01T08:15:30Z", "region": REGION, "resources": [],
        "detail": event("bridge")}), 1)
    put("envelopes/cloudwatch-logs.json", text({
        "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "trail", "logStream": f"{ACCOUNT}_CloudTrail",
        "subscriptionFilters": ["all"],
        "logEvents": [{"id": str(i), "timestamp": 1709280930000 + i, "message": text(e)}
                      for i, e in enumerate(some("logs"))]}), 3)
    put("envelopes/digest.json.gz", pack(text({
        "awsAccountId": ACCOUNT, "digestStartTime": "2024-03-01T08:00:00Z", "digestEndTime": "2024-03-01T09:00:00Z",
        "digestS3Bucket": "example-trail", "digestS3Object": f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/example",
        "digestPublicKeyFingerprint": "0" * 32, "digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": None,
        "oldestEventTime": None, "previousDigestS3Bucket": None, "previousDigestS3Object": None,
        "previousDigestHashValue": None, "previousDigestHashAlgorithm": None, "previousDigestSignature": None,
        "logFiles": []})), 0, outcome="digest")


def categories():
    """One file for each kind of event."""
    put("categories/management.json", text({"Records": [event("management")]}), 1)
    put("categories/data.json", text({"Records": [event(
        "data", eventName="GetObject", eventCategory="Data", managementEvent=False, sharedEventID=ident("data/shared"),
        requestParameters={"bucketName": "example-bucket", "key": "a b+c/\u00fc.txt"},
        additionalEventData={"bytesTransferredIn": 0.0, "bytesTransferredOut": 9_007_199_254_740_993})]}), 1)
    put("categories/network-activity.json", text({"Records": [event(
        "network", eventVersion="1.09", userIdentity={"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE002",
                                                      "accountId": "444455556666"},
        eventType="AwsVpceEvent", eventCategory="NetworkActivity", errorCode="VpceAccessDenied",
        errorMessage="The request was denied due to a VPC endpoint policy", managementEvent=..., resources=...,
        requestParameters=None, vpcEndpointId="vpce-0123456789abcdef0", vpcEndpointAccountId=ACCOUNT,
        sharedEventID=ident("network/shared"), tlsDetails=...)]}), 1)
    none = dict.fromkeys(("userIdentity", "eventSource", "eventName", "sourceIPAddress", "userAgent", "readOnly",
                          "requestParameters", "responseElements", "requestID", "resources", "managementEvent",
                          "tlsDetails"), ...)
    statistics = {"baseline": {"average": 0.0020833333}, "insight": {"average": 14.6}, "insightDuration": 5,
                  "baselineDuration": 11092}
    attributions = [{"attribute": "userIdentityArn", "insight": [{"value": ROLE, "average": 14.6}],
                     "baseline": [{"value": ROLE, "average": 0.0020833333}]},
                    {"attribute": "errorCode", "insight": [{"value": "null", "average": 14.6}], "baseline": []}]
    put("categories/insight-trail.json", text({"Records": [event(
        f"insight/{state}", **none, eventVersion="1.09", eventType="AwsCloudTrailInsight", eventCategory="Insight",
        sharedEventID=ident("insight/shared"), eventTime=f"2024-03-01T08:{minute}:00Z",
        insightDetails={"state": state, "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances",
                        "insightType": "ApiCallRateInsight", "sourceEventCategory": "Management",
                        "insightContext": {"statistics": statistics, "attributions": attributions}})
        for state, minute in (("Start", 20), ("End", 25))]}), 2)
    put("categories/insight-lake.json", text([event(
        "insight-lake", **none, eventVersion="1.09", eventType="AwsCloudTrailInsight", eventCategory="Insight",
        insightSource=f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/example", insightState="End",
        insightEventSource="ec2.amazonaws.com", insightEventName="RunInstances", insightErrorCode="VcpuLimitExceeded",
        insightType="ApiErrorRateInsight",
        insightContext={"baselineAverage": 0.002, "insightAverage": 3, "baselineDuration": 11092, "insightDuration": 5,
                        "attributions": attributions})]), 1)
    put("categories/aggregated.json", text([{
        "eventVersion": "1.0", "accountId": ACCOUNT, "eventId": ident(f"aggregated/{i}"), "eventCategory": "Aggregated",
        "eventType": "AwsAggregatedEvent", "awsRegion": REGION, "eventSource": "s3.amazonaws.com",
        "timeWindow": {"windowStart": f"2024-03-01T08:{i:02}:00Z", "windowEnd": f"2024-03-01T08:{i + 5:02}:00Z",
                       "windowSize": "PT5M"},
        "summary": {"primaryDimension": {"dimension": "eventName", "aggregationType": "Count",
                                         "statistics": [{"name": "GetObject", "value": 1200 + i}]},
                    "details": [{"dimension": "userAgent", "aggregationType": "Count",
                                 "statistics": [{"name": "aws-cli/2.15.0", "value": 1200 + i}]}]}}
        for i in (0, 5)]), 2, note="bare array, eventId, no eventTime")
    put("categories/version-1.0.json", text({"Records": [{
        "eventVersion": "1.0", "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE001",
                                                "arn": f"arn:aws:iam::{ACCOUNT}:user/builder", "accountId": ACCOUNT,
                                                "accessKeyId": "AKIAEXAMPLEEXAMPLE01", "userName": "builder"},
        "eventTime": "2014-03-06T21:22:54Z", "eventSource": "ec2.amazonaws.com", "eventName": name,
        "awsRegion": "us-east-2", "sourceIPAddress": "198.51.100.20", "userAgent": "ec2-api-tools 1.6.12.2",
        "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}},
        "responseElements": None} for name in ("StartInstances", "StopInstances", "StopInstances")]}), 3, 2,
        note="no eventID, the last two are equal")
    put("categories/addendum.json", text({"Records": [event("addendum/first"), event(
        "addendum/second", addendum={"reason": "UPDATED_DATA", "updatedFields": "responseElements",
                                     "originalRequestID": ident("addendum/first/request"),
                                     "originalEventID": ident("addendum/first")})]}), 2)
    put("categories/identities.json", text({"Records": [event(f"identity/{i}", userIdentity=u) for i, u in enumerate([
        {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT,
         "accessKeyId": ""},
        {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
        {"type": "WebIdentityUser", "principalId": "oidc.example.com:app:subject", "userName": "subject",
         "identityProvider": "oidc.example.com"},
        {"type": "IdentityCenterUser", "accountId": ACCOUNT, "credentialId": "example-token",
         "onBehalfOf": {"userId": ident("identity/center"),
                        "identityStoreArn": f"arn:aws:identitystore::{ACCOUNT}:identitystore/d-0123456789"}},
        {"type": "AssumedRole", "principalId": "AROAEXAMPLEEXAMPLE003:i-0123456789abcdef0", "accountId": ACCOUNT,
         "sessionContext": {"sessionIssuer": {}, "webIdFederationData": {
             "federatedProvider": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com",
             "attributes": {"oidc.example.com:aud": "app", "oidc.example.com:sub": "subject"}},
             "attributes": {"creationDate": "20240301T080000Z", "mfaAuthenticated": "true"},
             "sourceIdentity": "builder", "ec2RoleDelivery": "2.0", "ec2IssuedInVpc": "vpc-0123456789abcdef0",
             "assumedRoot": "true", "signInSessionArn": f"arn:aws:signin:{REGION}:{ACCOUNT}:session/example"},
         "inScopeOf": {"sourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:example", "sourceAccount": ACCOUNT,
                       "issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": "example"},
         "invokedByDelegate": {"accountId": "444455556666"}},
        {"type": "Unknown", "sessionContext": {"webIdFederationData": {}}}, {}, None])]}), 8)


def odd():
    """Readable records that break a habit. Each must come back from `eventjson` as it was."""
    put("odd/unknown-members.json", text({"Records": [event("unknown", somethingNew={"a": [1, None, {"b": 2}]}, x=1,
        userIdentity={"type": "Root", "newMember": True, "sessionContext": {"attributes": {"extra": []}, "deep": 1}},
        tlsDetails={"tlsVersion": "TLSv1.3", "post.quantum": "yes"}, EVENTNAME="other spelling",
        resources=[{"ARN": "arn:aws:s3:::example-bucket", "owner": "x"}, {"arn": "arn:aws:s3:::other"}])]}), 1)
    put("odd/type-conflicts.json", text({"Records": [
        event("type/0", readOnly="true", managementEvent="False", eventVersion=1.08, eventName={"a": 1}),
        event("type/1", readOnly=1, errorCode=404, errorMessage=["a"], resources={"ARN": "x"}, tlsDetails="TLSv1.3"),
        event("type/2", userIdentity="root", resources=["arn", 1, None, [], {}], addendum=[], sharedEventID=False),
        event("type/3", resources=[], tlsDetails={}, userIdentity={"sessionContext": "none", "accountId": 111122223333}),
        event("type/4", requestParameters="null", responseElements="", additionalEventData=[1], serviceEventDetails=0.0),
        event("type/5", awsRegion=7, eventSource=None, recipientAccountId=111122223333, insightDetails="x"),
        event("type/6", userIdentity={"type": "AssumedRole", "sessionContext": {"attributes": [], "sessionIssuer": 1,
              "webIdFederationData": {"attributes": {"a": 1, "b": None, "c": "d"}}}})]}), 7)
    put("odd/null-members.json", text({"Records": [event(
        "nulls", **dict.fromkeys(("errorCode", "apiVersion", "readOnly", "resources", "tlsDetails", "addendum",
                                  "sharedEventID", "vpcEndpointId", "userIdentity", "recipientAccountId"))),
        event("absent", requestParameters=..., responseElements=..., userAgent=..., tlsDetails=...)]}), 2)
    put("odd/times.json", text({"Records": [event(f"time/{i}", eventTime=t) for i, t in enumerate([
        ..., None, "", "yesterday", "2024-03-01 08:15:30", "2024-03-01T08:15:30.123456Z", "2024-03-01T09:15:30+01:00",
        "20240301T081530Z", "2024-02-30T00:00:00Z", 1709280930, 1709280930000, "2024-12-31T23:59:60Z",
        "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])]}), 15)
    put("odd/regions.json", text({"Records": [event(f"region/{i}", awsRegion=r) for i, r in enumerate(
        [..., None, "", "-", "us-east-9", "../../etc", "a/b=c", "UPPER", "unknown", "r\u00e9gion", "x" * 300])]}), 11)
    head, tail = text(event("numbers"))[:-1], "}"
    numbers = ["0", "-0", "0.0", "-0.0", "1.0", "1e5", "1E+5", "1e400", "-1e-400", "123456789012345678901234567890",
               "0.1000000000000000055511151231257827", "9007199254740993", "18446744073709551616", "1.7976931348623157e309"]
    put("odd/numbers.json", '{"Records":[%s,"requestParameters":[%s],"somethingNew":{"n":[%s]}%s]}'
        % (head.replace('"requestParameters"', '"was"'), ",".join(numbers), ",".join(numbers), tail), 1)
    duplicate = text(event("duplicate"))
    put("odd/duplicate-keys.json", '{"Records":[%s]}' % duplicate.replace(
        '"eventName":"GetBucketPolicy"', '"eventName":"First","eventName":"GetBucketPolicy"').replace(
        '"policy":""', '"policy":"a","policy":"b"').replace('"type":"AssumedRole"', '"type":"Root","type":"AssumedRole"'),
        1, note="a key repeated at three depths")
    put("odd/unicode.json", '{"Records":[%s]}' % text(event("unicode", userAgent="@U", errorMessage="@M",
        requestParameters={"@K": "@V"})).replace("@U", "\u00e9\u4e2d\U0001f980 \\ud83e\\udd80 \\u0000 \\u001f \\/").replace(
        "@M", "lone \\ud800 and \\udc00 and \\ud800\\ud800").replace("@K", "k\\u0065y \\ud83d").replace(
        "@V", "\u2028\u2029\ufeff\u202e \\\" \\\\ \\b\\f\\n\\r\\t \\u00e9"), 1, note="escapes, lone surrogates, NUL")
    put("odd/json-in-text.json", text({"Records": [event(
        "nested-text", requestParameters={"policy": text({"Version": "2012-10-17", "Statement": []})},
        additionalEventData='{"a":1}', serviceEventDetails="not json")]}), 1)
    put("odd/deep.json", '{"Records":[%s]}' % text(event("deep", requestParameters="@D")).replace(
        '"@D"', '{"a":' * 60 + "[" * 60 + "1" + "]" * 60 + "}" * 60), 1, note="120 levels")
    put("odd/too-deep-for-most.json", '{"Records":[%s]}' % text(event("too-deep", requestParameters="@D")).replace(
        '"@D"', "[" * 20_000 + "]" * 20_000), 1, note="20,000 levels")
    put("odd/long-text.json.gz", pack(text({"Records": [event("long", responseElements={"text": "0123456789abcdef" * 20_000})]})),
        1, note="one record of 320 KB")
    put("odd/whitespace.json", text({"Records": [event("space")]}, indent="\t").replace("\n", "\r\n  "), 1)
    twins = [event("conflict"), event("conflict", errorCode="AccessDenied")]
    put("odd/same-id-other-content.json", text({"Records": twins}), 2, 1, note="the first stays, the second is a conflict")
    put("odd/same-event-twice.json", text({"Records": [event("twice"), event("twice")]}), 2, 1)
    reordered = dict(reversed(event("reordered").items()))
    put("odd/same-event-reordered.json", text({"Records": [event("reordered"), reordered]}), 2, 1,
        note="equal as a JSON value: a duplicate, no conflict")
    put("odd/some-records-are-no-events.json", text({"Records": [
        event("mixed/0"), {"hello": "world"}, 7, None, "text", [], {}, event("mixed/1")]}), 2, rejected=6, outcome="rejected")
    put("odd/minimal.json", '[{"eventVersion":"1.08"},{"eventName":"A"},{"eventID":"b"},{"eventId":"c"},{"insightDetails":{}}]', 5)
    put("odd/injection.json", text({"Records": [event(
        "formula", userAgent="=HYPERLINK(\"http://192.0.2.1\")", errorMessage="+1+1\n@SUM(A1)\t-2,\"quoted\"",
        errorCode="<script>|\u001b[31m")]}), 1, note="spreadsheet formulas, markup, terminal escapes")


def bad():
    """Files and records that must be refused and named; what was readable before the damage counts."""
    good = text({"Records": [event(f"bad/{i}") for i in range(3)]})
    put("bad/truncated.json.gz", pack(good)[:-40], 2, outcome="failed", note="gzip ends early, in the third event")
    put("bad/truncated.json", good[:-200], 2, outcome="failed", note="JSON ends early, in the third event")
    put("bad/trailing-garbage.json.gz", pack(text({"Records": [event("garbage")]})) + b"garbage after the stream",
        1, outcome="failed", note="bytes after the gzip stream")
    wrong = bytearray(pack(good))
    wrong[-6] ^= 0xFF
    put("bad/wrong-checksum.json.gz", bytes(wrong), 3, outcome="failed", note="CRC does not match")
    put("bad/not-gzip-inside.json.gz", b"\x1f\x8b\x08\x00not a gzip stream at all", outcome="failed")
    put("bad/not-json.json", "<html><body>503 Service Unavailable</body></html>\n", outcome="failed")
    put("bad/plain-text.log", "Mar  1 08:15:30 host sshd[42]: session opened\n" * 3, outcome="failed")
    put("bad/other-json.json", text({"apiVersion": "v1", "items": [{"kind": "Pod"}]}), rejected=1, outcome="rejected", note="no CloudTrail")
    put("bad/other-array.json", "[1,2,3]", rejected=3, outcome="rejected")
    put("bad/no-event.json", text({"hello": "world"}), rejected=1, outcome="rejected", note="an object that is no event")
    put("bad/other-eventbridge.json", text({
        "version": "0", "id": ident("ec2"), "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
        "account": ACCOUNT, "time": "2024-03-01T08:15:30Z", "region": REGION, "resources": [],
        "detail": {"instance-id": "i-0123456789abcdef0", "state": "running"}}), rejected=1, outcome="rejected")
    put("bad/lookup-broken-text.json", text({"Events": [{"EventId": "x", "CloudTrailEvent": "{not json"},
        {"EventId": "y", "CloudTrailEvent": text(event("lookup-good"))}, {"EventId": "z"}]}), 1, rejected=2, outcome="rejected")
    put("bad/records-is-no-array.json", '{"Records":{"a":1}}', rejected=1, outcome="rejected")
    put("bad/garbage-line.jsonl", text(event("line/0")) + "\n{broken\n" + text(event("line/1")) + "\n", 2, rejected=1,
        outcome="rejected", note="one line of three is broken")
    put("bad/empty.json", b"", outcome="failed", note="no bytes")
    put("bad/empty.json.gz", b"", outcome="failed", note="no bytes")
    put("bad/empty-inside.json.gz", pack(b""), outcome="failed", note="gzip of nothing")
    put("bad/only-space.json", " \n\n", outcome="failed")
    put("bad/not-utf8.json", text({"Records": [event("latin1", userAgent="@")]}).encode().replace(
        b'"userAgent":"@"', b'"userAgent":"caf\xe9 \xff\xfe"'), rejected=1, outcome="rejected", note="bytes that are no UTF-8")
    put("bad/utf16.json", text({"Records": [event("utf16")]}).encode("utf-16"), outcome="failed")
    put("bad/control-byte.json", text({"Records": [event("control", userAgent="@")]}).replace('"@"', '"a\x01b"'),
        outcome="failed", note="a raw control byte inside a text")
    bomb = pack(b'{"Records":[' + b" " * 40_000_000)
    put("bad/bomb.json.gz", bomb, outcome="failed", note="40 MB of spaces in 39 KB")


def content(data):
    """What a file holds: zlib versions compress the same bytes differently."""
    try:
        return gzip.decompress(data)
    except (TypeError, OSError, EOFError, zlib.error):
        return data is not None and (data[:2] == b"\x1f\x8b" or data)


def main():
    for part in (envelopes, categories, odd, bad):
        part()
    head = "file\tevents\tdistinct\trejected\toutcome\tnote\n"
    FILES["MANIFEST.tsv"] = (head + "".join("\t".join(map(str, row)) + "\n" for row in MANIFEST)).encode()
    target = HERE / "made"
    if "--check" in sys.argv:
        found = {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}
        different = sorted(n for n in found.keys() | FILES.keys() if content(found.get(n)) != content(FILES.get(n)))
        sys.exit(f"differs from make.py: {', '.join(different)}" if different else 0)
    for name, data in FILES.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    print(f"{len(FILES)} files, {sum(map(len, FILES.values()))} bytes")


if __name__ == "__main__":
    main()
