import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='Area',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=5)),
                ('name', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('district', 'Quận, huyện, thị xã (đến 30/06/2025)'), ('commune', 'Phường, xã, thị trấn (đến 30/06/2025)'), ('ward', 'Phường, xã (từ 01/07/2025)')], max_length=10)),
                ('valid_from', models.DateField()),
                ('valid_to', models.DateField(blank=True, null=True)),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='records.area')),
            ],
            options={
                'ordering': ('code', 'valid_from'),
            },
        ),
        migrations.CreateModel(
            name='AreaSuccession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('whole', models.BooleanField()),
                ('new', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='came_from', to='records.area')),
                ('old', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='became', to='records.area')),
            ],
        ),
        migrations.CreateModel(
            name='Citizen',
            fields=[
                ('patient_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('full_name', models.CharField(blank=True, max_length=255)),
                ('folded_name', models.CharField(blank=True, max_length=255)),
                ('sort_key', models.CharField(blank=True, db_collation='C', max_length=1024)),
                ('family', models.CharField(blank=True, max_length=255)),
                ('given', models.CharField(blank=True, max_length=255)),
                ('birth_date', models.DateField(blank=True, null=True)),
                ('birth_precision', models.CharField(blank=True, choices=[('day', 'Day'), ('month', 'Month'), ('year', 'Year'), ('', 'Unknown')], max_length=5)),
                ('sex', models.CharField(blank=True, max_length=7)),
                ('cccd', models.CharField(blank=True, max_length=12)),
                ('insurance_number', models.CharField(blank=True, max_length=15)),
                ('phone', models.CharField(blank=True, max_length=32)),
                ('address_text', models.CharField(blank=True, max_length=512)),
                ('deceased', models.BooleanField(default=False)),
                ('active', models.BooleanField(default=True)),
                ('warnings', models.JSONField(blank=True, default=list)),
                ('area', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='records.area')),
            ],
        ),
        migrations.CreateModel(
            name='Facility',
            fields=[
                ('organization_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('code', models.CharField(blank=True, max_length=5, null=True, unique=True)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('kind', models.CharField(blank=True, max_length=64)),
                ('active', models.BooleanField(default=True)),
                ('area', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='records.area')),
            ],
            options={
                'verbose_name_plural': 'facilities',
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('granted_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('patient', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='consents', to='records.citizen')),
                ('facility', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='consents', to='records.facility')),
            ],
        ),
        migrations.AddField(
            model_name='citizen',
            name='facility',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='records.facility'),
        ),
        migrations.CreateModel(
            name='CareRelation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('basis', models.CharField(choices=[('wrote', 'Wrote'), ('presented', 'Presented')], max_length=9)),
                ('since', models.DateTimeField()),
                ('patient', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='care', to='records.citizen')),
                ('facility', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='care', to='records.facility')),
            ],
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(blank=True, max_length=100, null=True)),
                ('role', models.CharField(choices=[('clinician', 'clinician'), ('laboratory', 'laboratory'), ('officer', 'officer'), ('analyst', 'analyst'), ('citizen', 'citizen'), ('client', 'client'), ('system', 'system')], max_length=20)),
                ('active', models.BooleanField(default=True)),
                ('area', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='records.area')),
                ('facility', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to='records.facility')),
                ('patient', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to='records.citizen')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Practitioner',
            fields=[
                ('practitioner_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, max_length=255)),
                ('facility', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='practitioners', to='records.facility')),
            ],
        ),
        migrations.AddConstraint(
            model_name='area',
            constraint=models.UniqueConstraint(fields=('code', 'valid_from'), name='records_area_code_span'),
        ),
        migrations.AddConstraint(
            model_name='area',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='records_area_span_forward'),
        ),
        migrations.AddConstraint(
            model_name='areasuccession',
            constraint=models.UniqueConstraint(fields=('old', 'new'), name='records_areasuccession_pair'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('patient', 'facility'), name='records_consent_one_active'),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=django.contrib.postgres.indexes.GinIndex(fields=['folded_name'], name='records_citizen_name_trgm', opclasses=('gin_trgm_ops',)),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=models.Index(condition=models.Q(('cccd', ''), _negated=True), fields=['cccd'], name='records_citizen_cccd'),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=models.Index(condition=models.Q(('insurance_number', ''), _negated=True), fields=['insurance_number'], name='records_citizen_insurance'),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=models.Index(condition=models.Q(('phone', ''), _negated=True), fields=['phone'], name='records_citizen_phone'),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=models.Index(fields=['birth_date'], name='records_citizen_birth'),
        ),
        migrations.AddIndex(
            model_name='citizen',
            index=models.Index(fields=['sort_key', 'patient_id'], name='records_citizen_sorted'),
        ),
        migrations.AddIndex(
            model_name='carerelation',
            index=models.Index(fields=['facility', 'patient'], name='records_care_facility'),
        ),
        migrations.AddConstraint(
            model_name='carerelation',
            constraint=models.UniqueConstraint(fields=('patient', 'facility', 'basis'), name='records_carerelation_unique'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('client_id__isnull', True), ('user__isnull', False)), models.Q(('client_id__isnull', False), ('user__isnull', True)), _connector='OR'), name='records_membership_user_or_client'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('user',), name='records_membership_one_per_user'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('client_id',), name='records_membership_one_per_client'),
        ),
    ]
