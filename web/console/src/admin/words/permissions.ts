// The permissions of roles, by what they are about, each in words. The server asks for them; this only says what they are.

import { currentLocale } from '../../language/index.ts';
import type { Word } from './index.ts';

/** Those that nothing asks for yet: what they are about is not there. */
export const IDLE = new Set(
  'access_help_center access_previous_messages access_pull_mode admin_stamp_answer ask_an_expert author_block_content create_and_destroy_extension escalate_to_video manage_app_sdk_applications manage_automatic_exports_tasks manage_custom_notifications manage_emails_templates manage_ice manage_rules_engine_rules manage_surveys read_content_source read_event read_export read_own_stats read_presence read_stats read_surveys reply_with_assistant search_contents update_extension use_cobrowsing use_emoji access_advanced_analytics manage_advanced_analytics'.split(' '),
);

type Said = [name: string, en: string, fr: string];

export const GROUPS: { group: Word; permissions: Said[] }[] = [
  {
    group: 'pg_work',
    permissions: [
      ['search_contents', 'Search all conversations that they may read', 'Chercher dans toutes les conversations qu’ils lisent'],
      ['access_previous_messages', 'Read what a customer wrote before', 'Lire ce qu’un client a écrit avant'],
      ['assign_intervention', 'Give conversations to colleagues', 'Confier des conversations à des collègues'],
      ['update_own_intervention', 'Change their own cases: defer, close, categorise', 'Modifier leurs dossiers : reporter, clore, classer'],
      ['update_intervention', 'Change the cases of others', 'Modifier les dossiers des autres'],
      ['close_content_thread', 'Lock threads', 'Verrouiller les fils'],
      ['open_content_thread', 'Unlock threads', 'Déverrouiller les fils'],
      ['delete_content_thread', 'Delete threads', 'Supprimer les fils'],
      ['approve_content', 'Approve the answers of others', 'Approuver les réponses des autres'],
      ['publish_content', 'Publish and unpublish messages', 'Publier et dépublier des messages'],
      ['delay_export_content', 'Send answers later', 'Envoyer plus tard'],
      ['mute_content', 'Mute threads and customers', 'Rendre muets des fils et des clients'],
      ['reply_with_assistant', 'Use the reply assistant', 'Utiliser l’assistant de réponse'],
      ['use_emoji', 'Write emoji', 'Écrire des émojis'],
      ['author_block_content', 'Block authors on their channel', 'Bloquer des auteurs sur leur canal'],
      ['ask_an_expert', 'Ask an expert', 'Demander à un expert'],
      ['admin_stamp_answer', 'Mark answers as official', 'Marquer des réponses comme officielles'],
      ['escalate_to_video', 'Go on by video', 'Continuer en vidéo'],
      ['use_cobrowsing', 'Browse along with the customer', 'Naviguer avec le client'],
    ],
  },
  {
    group: 'pg_customers',
    permissions: [
      ['read_identity', 'Read the customers’ cards', 'Lire les fiches des clients'],
      ['update_identity', 'Change and merge customers', 'Modifier et réunir des clients'],
      ['manage_identities', 'Import customers and keep lists of them', 'Importer des clients et en tenir des listes'],
      ['lock_identity', 'Lock customers against changes', 'Protéger des clients des modifications'],
      ['export_identity', 'Take customers’ data out', 'Exporter les données des clients'],
      ['anonymize_identity', 'Make customers forgotten', 'Faire oublier des clients'],
      ['read_community', 'See communities', 'Voir les communautés'],
      ['create_community', 'Make and delete communities', 'Créer et supprimer des communautés'],
      ['update_community', 'Change communities and who signs their visitors', 'Modifier les communautés et qui signe leurs visiteurs'],
    ],
  },
  {
    group: 'pg_routing',
    permissions: [
      ['receive_tasks', 'Receive tasks', 'Recevoir des tâches'],
      ['access_pull_mode', 'Work from the inbox, without tasks', 'Travailler depuis la boîte, sans tâches'],
      ['monitor_tasks', 'Supervise all tasks and agents', 'Superviser toutes les tâches et tous les agents'],
      ['monitor_team_tasks', 'Supervise the tasks of their teams', 'Superviser les tâches de leurs équipes'],
      ['manage_topologies', 'Set up how work finds agents', 'Régler comment le travail trouve les agents'],
      ['read_presence', 'See who is there', 'Voir qui est là'],
    ],
  },
  {
    group: 'pg_channels',
    permissions: [
      ['read_content_source', 'See the sources’ settings', 'Voir les réglages des sources'],
      ['create_content_source', 'Make and delete sources', 'Créer et supprimer des sources'],
      ['update_content_source', 'Change sources', 'Modifier les sources'],
      ['manage_messaging', 'Set up messaging', 'Régler la messagerie'],
      ['manage_chat', 'Set up live chat', 'Régler le chat en direct'],
      ['manage_app_sdk_applications', 'Manage app SDK applications', 'Gérer les applications de l’App SDK'],
      ['manage_ice', 'Manage the embedded pages of channels', 'Gérer les pages intégrées des canaux'],
    ],
  },
  {
    group: 'pg_people',
    permissions: [
      ['read_user', 'See colleagues', 'Voir les collègues'],
      ['create_user', 'Make users', 'Créer des utilisateurs'],
      ['invite_user', 'Invite users by mail', 'Inviter par courriel'],
      ['update_user', 'Change and delete users, and their rights on sources', 'Modifier et supprimer des utilisateurs, et leurs droits'],
      ['manage_users_of_my_teams', 'The same, for the teams that they lead only', 'De même, seulement pour les équipes qu’ils dirigent'],
      ['impersonate_user', 'Act as another user', 'Agir au nom d’un autre'],
      ['manage_teams', 'Manage teams', 'Gérer les équipes'],
      ['manage_roles', 'Manage roles, up to what their own holds', 'Gérer les rôles, dans les limites du leur'],
    ],
  },
  {
    group: 'pg_order',
    permissions: [
      ['manage_categories', 'Manage categories', 'Gérer les catégories'],
      ['manage_tags', 'Manage tags', 'Gérer les étiquettes'],
      ['manage_custom_fields', 'Manage custom fields', 'Gérer les champs'],
      ['manage_folders', 'Manage shared folders', 'Gérer les dossiers partagés'],
      ['update_time_sheet', 'Manage opening hours', 'Gérer les horaires'],
      ['update_settings', 'Change the account’s settings', 'Modifier les réglages du compte'],
      ['manage_api_access_tokens', 'Manage access tokens, and everybody’s webhooks', 'Gérer les jetons, et les webhooks de tous'],
      ['manage_reply_assistant', 'Manage the reply assistant', 'Gérer l’assistant de réponse'],
      ['manage_rules_engine_rules', 'Manage rules', 'Gérer les règles'],
      ['manage_emails_templates', 'Manage mail templates', 'Gérer les modèles de courriel'],
      ['manage_own_notifications', 'Choose their own notifications', 'Choisir leurs notifications'],
      ['manage_custom_notifications', 'Manage notifications for all', 'Gérer les notifications de tous'],
      ['create_and_destroy_extension', 'Add and remove extensions', 'Ajouter et retirer des extensions'],
      ['update_extension', 'Change extensions', 'Modifier les extensions'],
      ['manage_surveys', 'Manage surveys', 'Gérer les enquêtes'],
      ['access_help_center', 'Open the help centre', 'Ouvrir le centre d’aide'],
    ],
  },
  {
    group: 'pg_insight',
    permissions: [
      ['search_event', 'Read the whole journal', 'Lire tout le journal'],
      ['read_event', 'See single events', 'Voir des événements'],
      ['read_own_stats', 'See their own figures', 'Voir leurs propres chiffres'],
      ['read_stats', 'See everybody’s figures', 'Voir les chiffres de tous'],
      ['read_export', 'See exports', 'Voir les exports'],
      ['manage_automatic_exports_tasks', 'Manage automatic exports', 'Gérer les exports automatiques'],
      ['read_surveys', 'See surveys', 'Voir les enquêtes'],
      ['access_advanced_analytics', 'Open advanced figures', 'Ouvrir les chiffres avancés'],
      ['manage_advanced_analytics', 'Manage advanced figures', 'Gérer les chiffres avancés'],
    ],
  },
];

export const NAMES = GROUPS.flatMap(({ permissions }) => permissions.map(([name]) => name));

export const explained = ([, en, fr]: Said): string => (currentLocale() === 'fr' ? fr : en);
