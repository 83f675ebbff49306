"""The store's tables; those of resources and versions are partitioned by type."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import fhir.models
from django.db import migrations, models

# Each of these types has a partition of its own; the rest share one.
OWN_PARTITION = [
    "Claim",
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "ExplanationOfBenefit",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Patient",
    "Procedure",
    "ServiceRequest",
]

RESOURCE = """
CREATE TABLE fhir_resource (
    type text NOT NULL, id text NOT NULL, version integer NOT NULL, last_updated timestamptz NOT NULL,
    deleted boolean NOT NULL, patient text, facility text, author text NOT NULL, code text, starts timestamptz,
    ends timestamptz, tokens bigint[] NOT NULL, content text NOT NULL, PRIMARY KEY (type, id)
) PARTITION BY LIST (type);
CREATE INDEX fhir_resource_who_what_when ON fhir_resource (type, patient, code, starts DESC NULLS LAST, id);
CREATE INDEX fhir_resource_what_when ON fhir_resource (type, code, starts);
CREATE INDEX fhir_resource_updated ON fhir_resource (type, last_updated, id);
CREATE INDEX fhir_resource_tokens ON fhir_resource USING gin (tokens);
"""
VERSION = """
CREATE TABLE fhir_resourceversion (
    type text NOT NULL, id text NOT NULL, version integer NOT NULL, last_updated timestamptz NOT NULL,
    deleted boolean NOT NULL, patient text, facility text, author text NOT NULL, content text NOT NULL,
    PRIMARY KEY (type, id, version)
) PARTITION BY LIST (type);
"""


def partitions(table: str) -> str:
    """The statements that make the table's partitions."""
    own = "".join(
        f"CREATE TABLE {table}_{name.lower()} PARTITION OF {table} FOR VALUES IN ('{name}');" for name in OWN_PARTITION
    )
    return f"{own} CREATE TABLE {table}_other PARTITION OF {table} DEFAULT;"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(VERSION + partitions("fhir_resourceversion"), "DROP TABLE fhir_resourceversion")],
            state_operations=[
                migrations.CreateModel(
                    name='ResourceVersion',
                    fields=[
                        ('pk', models.CompositePrimaryKey('type', 'id', 'version', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('type', models.TextField()),
                        ('id', models.TextField()),
                        ('version', models.IntegerField()),
                        ('last_updated', models.DateTimeField()),
                        ('deleted', models.BooleanField(default=False)),
                        ('patient', models.TextField(null=True)),
                        ('facility', models.TextField(null=True)),
                        ('author', models.TextField()),
                        ('content', models.TextField()),
                    ],
                ),
            ],
        ),
        migrations.CreateModel(
            name='DateIndex',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('type', models.TextField()),
                ('resource', models.TextField()),
                ('param', models.TextField()),
                ('low', models.DateTimeField(null=True)),
                ('high', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(models.F('type'), models.F('param'), models.F('low'), models.F('high'), name='fhir_date_value'), models.Index(models.F('type'), models.F('resource'), name='fhir_date_resource')],
            },
        ),
        migrations.CreateModel(
            name='NumberIndex',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('type', models.TextField()),
                ('resource', models.TextField()),
                ('param', models.TextField()),
                ('low', fhir.models.ExactNumberField(null=True)),
                ('high', fhir.models.ExactNumberField(null=True)),
            ],
            options={
                'indexes': [models.Index(models.F('type'), models.F('param'), models.F('low'), models.F('high'), name='fhir_number_value'), models.Index(models.F('type'), models.F('resource'), name='fhir_number_resource')],
            },
        ),
        migrations.CreateModel(
            name='QuantityIndex',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('type', models.TextField()),
                ('resource', models.TextField()),
                ('param', models.TextField()),
                ('low', fhir.models.ExactNumberField(null=True)),
                ('high', fhir.models.ExactNumberField(null=True)),
                ('code', models.TextField(blank=True)),
                ('unit', models.TextField(blank=True)),
            ],
            options={
                'indexes': [models.Index(models.F('type'), models.F('param'), models.F('low'), models.F('high'), name='fhir_quantity_value'), models.Index(models.F('type'), models.F('resource'), name='fhir_quantity_resource')],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(RESOURCE + partitions("fhir_resource"), "DROP TABLE fhir_resource")],
            state_operations=[
                migrations.CreateModel(
                    name='Resource',
                    fields=[
                        ('pk', models.CompositePrimaryKey('type', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('type', models.TextField()),
                        ('id', models.TextField()),
                        ('version', models.IntegerField()),
                        ('last_updated', models.DateTimeField()),
                        ('deleted', models.BooleanField(default=False)),
                        ('patient', models.TextField(null=True)),
                        ('facility', models.TextField(null=True)),
                        ('author', models.TextField()),
                        ('code', models.TextField(null=True)),
                        ('starts', models.DateTimeField(null=True)),
                        ('ends', models.DateTimeField(null=True)),
                        ('tokens', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                        ('content', models.TextField()),
                    ],
                    options={
                        'indexes': [models.Index(models.F('type'), models.F('patient'), models.F('code'), models.OrderBy(models.F('starts'), descending=True, nulls_last=True), models.F('id'), name='fhir_resource_who_what_when'), models.Index(models.F('type'), models.F('code'), models.F('starts'), name='fhir_resource_what_when'), models.Index(models.F('type'), models.F('last_updated'), models.F('id'), name='fhir_resource_updated'), django.contrib.postgres.indexes.GinIndex(fields=['tokens'], name='fhir_resource_tokens')],
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name='StringIndex',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('type', models.TextField()),
                ('resource', models.TextField()),
                ('param', models.TextField()),
                ('folded', models.TextField()),
                ('exact', models.TextField()),
            ],
            options={
                'indexes': [models.Index(fields=['type', 'param', 'folded'], name='fhir_string_value', opclasses=['text_ops', 'text_ops', 'text_pattern_ops']), models.Index(models.F('type'), models.F('resource'), name='fhir_string_resource')],
            },
        ),
    ]
